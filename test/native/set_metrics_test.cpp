// Metrics of sets: golden cases, closed forms, and the plain loops that they are quicker than.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "check.h"
#include "core/cancel.h"
#include "core/rng.h"
#include "golden.h"
#include "metrics/frechet.h"
#include "metrics/inception_score.h"
#include "metrics/kernel_distance.h"
#include "metrics/nearest_rows.h"
#include "metrics/numpy_random.h"
#include "metrics/precision_recall.h"

namespace svg::test {
namespace {

constexpr int64_t kPlenty = int64_t{1} << 30;

std::unique_ptr<RowStore> store_of(const at::Tensor& rows) {
  auto store = std::make_unique<RowStore>(rows.size(1), SpillOptions(kPlenty, "/tmp"));
  store->append(rows);
  return store;
}

Statistics statistics_of(const at::Tensor& rows) {
  Moments moments(rows.size(1));
  moments.add(rows);
  return moments.statistics();
}

double frechet_of(const at::Tensor& a, const at::Tensor& b) {
  return frechet_distance(statistics_of(a), statistics_of(b));
}

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

/// Small whole numbers: many distances of such rows are equal, and all are exact.
at::Tensor lattice(int64_t seed, int64_t n, int64_t d, int64_t values) {
  return at::randint(values, {n, d}, seeded_generator(seed), at::TensorOptions().dtype(at::kFloat));
}

double plain_distance(const at::Tensor& rows, int64_t i, const at::Tensor& others, int64_t j) {
  const float* x = rows.const_data_ptr<float>() + i * rows.size(1);
  const float* y = others.const_data_ptr<float>() + j * rows.size(1);
  double sum = 0;
  for (int64_t k = 0; k < rows.size(1); ++k) {
    const double difference = static_cast<double>(x[k]) - static_cast<double>(y[k]);
    sum += difference * difference;
  }
  return sum;
}

std::vector<double> plain_radii(const at::Tensor& rows, int64_t neighbours) {
  std::vector<double> radii;
  for (int64_t i = 0; i < rows.size(0); ++i) {
    std::vector<double> distances;
    for (int64_t j = 0; j < rows.size(0); ++j) distances.push_back(plain_distance(rows, i, rows, j));
    std::nth_element(distances.begin(), distances.begin() + neighbours, distances.end());
    radii.push_back(distances[static_cast<size_t>(neighbours)]);
  }
  return radii;
}

double plain_share_within(const at::Tensor& rows, const at::Tensor& others, int64_t neighbours) {
  const std::vector<double> radii = plain_radii(others, neighbours);
  int64_t within = 0;
  for (int64_t i = 0; i < rows.size(0); ++i) {
    bool any = false;
    for (int64_t j = 0; j < others.size(0) && !any; ++j) {
      any = plain_distance(rows, i, others, j) <= radii[static_cast<size_t>(j)];
    }
    within += any;
  }
  return static_cast<double>(within) / static_cast<double>(rows.size(0));
}

void expect_precision_recall(const at::Tensor& set, const at::Tensor& reference, int64_t neighbours) {
  const PrecisionRecall got = precision_recall(*store_of(set), *store_of(reference), neighbours);
  EXPECT_CLOSE(got.precision, plain_share_within(set, reference, neighbours), 1e-12);
  EXPECT_CLOSE(got.recall, plain_share_within(reference, set, neighbours), 1e-12);
}

int64_t weighted_sum(const std::vector<int64_t>& order) {
  int64_t sum = 0;
  for (size_t i = 0; i < order.size(); ++i) sum += order[i] * static_cast<int64_t>(i);
  return sum;
}

}  // namespace

TEST_CASE("metrics: golden cases of sets") {
  for (const char* name : {"fid", "kid", "inception-score", "precision-recall"}) expect_golden(name);
}

TEST_CASE("metrics: moments do not depend on how rows are cut, far from 0 either") {
  const at::Tensor rows = seeded_noise(3, {500, 24}) + 4096;
  const at::Tensor exact = rows.to(at::kDouble);
  const at::Tensor centred = exact - exact.mean(0);
  const at::Tensor sigma = centred.t().matmul(centred) / 499;
  for (const int64_t part : {1, 7, 64, 499, 500}) {
    Moments moments(24);
    for (int64_t from = 0; from < 500; from += part) moments.add(rows.slice(0, from, from + part));
    moments.add(rows.slice(0, 0, 0));
    const Statistics got = moments.statistics();
    EXPECT(got.count == 500);
    EXPECT_CLOSE(largest(got.mu - exact.mean(0)) / 4096, 0, 1e-14);
    EXPECT_CLOSE(largest(got.sigma - sigma), 0, 1e-12);
    EXPECT(at::equal(got.sigma, got.sigma.t()));
  }
}

TEST_CASE("metrics: rows that are refused leave the moments as they were") {
  Moments moments(3);
  EXPECT_ERROR(moments.statistics(), ErrorCode::kInvalidArgument, "two rows");
  moments.add(seeded_noise(1, {4, 3}));
  const Statistics before = moments.statistics();
  at::Tensor spoiled = seeded_noise(2, {4, 3});
  spoiled[2][1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_ERROR(moments.add(spoiled), ErrorCode::kNumeric, "finite");
  EXPECT_ERROR(moments.add(seeded_noise(2, {4, 2})), ErrorCode::kInvalidArgument, "[4, 2]");
  EXPECT(moments.count() == 4 && at::equal(moments.statistics().sigma, before.sigma));
  // A copy goes its own way: it is what a caller takes back up.
  const Moments copy = moments;
  moments.add(seeded_noise(2, {4, 3}));
  EXPECT(!at::equal(moments.statistics().sigma, before.sigma));
  EXPECT(copy.count() == 4 && at::equal(copy.statistics().sigma, before.sigma));
  EXPECT(at::equal(copy.statistics().mu, statistics_of(seeded_noise(1, {4, 3})).mu));
}

TEST_CASE("metrics: FID of normal distributions in closed form") {
  const at::Tensor mu = seeded_noise(5, {40}).to(at::kDouble);
  const at::Tensor left = at::rand({40}, seeded_generator(6), at::TensorOptions().dtype(at::kDouble)) * 3;
  const at::Tensor right = at::rand({40}, seeded_generator(7), at::TensorOptions().dtype(at::kDouble)) * 5;
  const at::Tensor turn = std::get<0>(at::linalg_qr(seeded_noise(8, {40, 40}).to(at::kDouble)));
  const auto turned = [&](const at::Tensor& diagonal) { return turn.matmul(diagonal.diag()).matmul(turn.t()); };
  const Statistics a{at::zeros_like(mu), turned(left), 0}, b{mu, turned(right), 0};
  // Covariances that commute: |mu|^2 + sum of (sqrt l - sqrt r)^2.
  const double want = (mu.square().sum() + (left.sqrt() - right.sqrt()).square().sum()).item<double>();
  EXPECT_CLOSE(frechet_distance(a, b), want, 1e-11);
  EXPECT_CLOSE(frechet_distance(b, a), want, 1e-11);
  // A shift alone is its squared length.
  EXPECT_CLOSE(frechet_distance(a, {mu, a.sigma, 0}), mu.square().sum().item<double>(), 1e-11);
}

TEST_CASE("metrics: FID is symmetric, goes with the square of a scale and does not see rotations or the order") {
  const at::Tensor a = seeded_noise(11, {90, 48}), b = seeded_noise(12, {70, 48}) * 1.2 + 0.3;
  const double fid = frechet_of(a, b);
  EXPECT(fid > 1);
  EXPECT_CLOSE(frechet_of(b, a) / fid, 1, 1e-12);
  EXPECT_CLOSE(frechet_of(a * 1024, b * 1024) / fid / (1024.0 * 1024.0), 1, 1e-12);
  EXPECT_CLOSE(frechet_of(a / 1024, b / 1024) / fid * (1024.0 * 1024.0), 1, 1e-12);
  EXPECT_CLOSE(frechet_of(a.flip(1), b.flip(1)) / fid, 1, 1e-12);
  EXPECT_CLOSE(frechet_of(a.index_select(0, at::randperm(90, seeded_generator(1), at::kLong)), b) / fid, 1, 1e-12);
}

TEST_CASE("metrics: FID of few rows in many dimensions, against their own singular values") {
  // Without covariances: tr sqrt is the sum of the singular values of A B^T, rows centred, over the roots of n - 1.
  const at::Tensor a = seeded_noise(21, {9, 300}) + 2, b = seeded_noise(22, {14, 300}) * 3;
  const auto centred = [](const at::Tensor& rows) {
    const at::Tensor x = rows.to(at::kDouble);
    return (x - x.mean(0)) / std::sqrt(static_cast<double>(rows.size(0) - 1));
  };
  const double means = (a.to(at::kDouble).mean(0) - b.to(at::kDouble).mean(0)).square().sum().item<double>();
  const double traces = (centred(a).square().sum() + centred(b).square().sum()).item<double>();
  const double roots = at::linalg_svdvals(centred(a).matmul(centred(b).t())).sum().item<double>();
  EXPECT_CLOSE(frechet_of(a, b) / (means + traces - 2 * roots), 1, 1e-9);
  EXPECT_CLOSE(frechet_of(a, a) / traces, 0, 1e-12);
  // Neither few rows nor enough: of a rank that is low for no short cut.
  const at::Tensor c = seeded_noise(23, {100, 128}), e = seeded_noise(24, {90, 128}) * 2;
  const double both = (centred(c).square().sum() + centred(e).square().sum()).item<double>() +
                      (c.to(at::kDouble).mean(0) - e.to(at::kDouble).mean(0)).square().sum().item<double>();
  EXPECT_CLOSE(frechet_of(c, e) + 2 * at::linalg_svdvals(centred(c).matmul(centred(e).t())).sum().item<double>(), both,
               1e-9 * both);
  // A set without spread.
  const at::Tensor constant = at::full({5, 300}, 2.0, at::kFloat);
  EXPECT_CLOSE(frechet_of(constant, constant), 0, 1e-12);
}

TEST_CASE("metrics: FID of spectra that fall by many orders of ten") {
  const at::Tensor turn = std::get<0>(at::linalg_qr(seeded_noise(25, {64, 64}).to(at::kDouble)));
  const at::Tensor mu = at::zeros({64}, at::kDouble);
  for (const double lowest : {-2.0, -6.0, -9.0, -12.0}) {
    const at::Tensor left = at::logspace(0, lowest, 64, 10, at::kDouble), right = left.roll(20) * 3;
    const auto turned = [&](const at::Tensor& diagonal) { return turn.matmul(diagonal.diag()).matmul(turn.t()); };
    const double want = (left.sqrt() - right.sqrt()).square().sum().item<double>();
    const double scale = (left.sum() + right.sum()).item<double>();
    EXPECT_CLOSE(frechet_distance({mu, turned(left), 0}, {mu, turned(right), 0}), want, 1e-7 * scale);
    EXPECT_CLOSE(frechet_distance({mu, turned(left), 0}, {mu, turned(left), 0}), 0, 1e-9 * scale);
  }
}

TEST_CASE("metrics: statistics that are none are refused in words") {
  const at::Tensor mu = at::zeros({3}, at::kDouble), sigma = at::eye(3, at::kDouble);
  const Statistics good{mu, sigma, 0};
  EXPECT_CLOSE(frechet_distance(good, {mu, sigma.to(at::kFloat), 0}), 0, 1e-12);
  EXPECT_ERROR(frechet_distance(good, {at::zeros({4}, at::kDouble), sigma, 0}), ErrorCode::kInvalidArgument,
               "do not fit");
  EXPECT_ERROR(frechet_distance(good, {at::zeros({4}, at::kDouble), at::eye(4, at::kDouble), 0}),
               ErrorCode::kInvalidArgument, "3 features and of 4");
  at::Tensor other = sigma.clone();
  other[0][1] = 0.5;
  EXPECT_ERROR(frechet_distance(good, {mu, other, 0}), ErrorCode::kInvalidArgument, "not symmetric");
  other = sigma.clone();
  other[1][1] = -0.5;
  EXPECT_ERROR(frechet_distance(Statistics{mu, other, 0}, good), ErrorCode::kInvalidArgument,
               "eigenvalue -0.5 beside 1");
  EXPECT_ERROR(frechet_distance(good, {mu, -sigma, 0}), ErrorCode::kInvalidArgument, "eigenvalue -1");
  other = at::zeros({3, 3}, at::kDouble);
  other[0][1] = other[1][0] = 1;  // nothing on the diagonal
  EXPECT_ERROR(frechet_distance(good, {mu, other, 0}), ErrorCode::kInvalidArgument, "eigenvalue -1 beside 1");
  EXPECT_ERROR(frechet_distance(good, {mu, sigma / 0, 0}), ErrorCode::kInvalidArgument, "finite");
}

TEST_CASE("metrics: permutations are those of numpy") {
  // numpy.random.RandomState(seed): permutation(1), permutation(2) three times, permutation(5), permutation(70000).
  using Order = std::vector<int64_t>;
  const struct {
    uint32_t seed;
    std::vector<Order> twos;
    Order five, first;
    int64_t sum;
    Order chosen;
  } cases[] = {
      {0, {{1, 0}, {0, 1}, {0, 1}}, {4, 2, 1, 3, 0}, {17458, 28072, 52353, 40994}, 85572339375301, {8, 0, 3, 5}},
      {2020, {{1, 0}, {1, 0}, {0, 1}}, {0, 2, 1, 4, 3}, {940, 18504, 41623, 62452}, 85787650987863, {1, 6, 7, 3}},
      {0xffffffff,
       {{0, 1}, {1, 0}, {1, 0}},
       {1, 3, 2, 0, 4},
       {62734, 46887, 2219, 61390},
       85782505197450,
       {6, 8, 5, 3}},
  };
  for (const auto& [seed, twos, five, first, sum, chosen] : cases) {
    NumpyRandom random(seed);
    EXPECT(random.permutation(0).empty());
    EXPECT(random.permutation(1) == Order{0});
    for (const Order& two : twos) EXPECT(random.permutation(2) == two);
    EXPECT(random.permutation(5) == five);
    const Order many = random.permutation(70000);
    EXPECT(Order(many.begin(), many.begin() + 4) == first);
    EXPECT(weighted_sum(many) == sum);
    EXPECT(random.choice(9, 4) == chosen);
  }
  NumpyRandom random(7);
  EXPECT(weighted_sum(random.permutation(65536)) == 70365442572373);
  EXPECT(weighted_sum(random.permutation(65537)) == 70319161698517);
  EXPECT_ERROR(random.choice(3, 4), ErrorCode::kInvalidArgument, "4 of 3");
  EXPECT_ERROR(random.permutation(int64_t{1} << 32), ErrorCode::kInvalidArgument, "shuffled");
}

TEST_CASE("metrics: KID is the double loop over pairs") {
  const at::Tensor a = seeded_noise(31, {40, 16}), b = seeded_noise(32, {33, 16}) + 0.2;
  const KernelDistanceOptions options{3, 20, 99, 3, 0.125, 0.5};
  NumpyRandom random(99);
  std::vector<double> values;
  for (int subset = 0; subset < 3; ++subset) {
    const std::vector<int64_t> x = random.choice(40, 20), y = random.choice(33, 20);
    const auto kernel = [](const at::Tensor& left, const at::Tensor& right) {
      return std::pow(left.to(at::kDouble).dot(right.to(at::kDouble)).item<double>() * 0.125 + 0.5, 3);
    };
    double within = 0, across = 0;
    for (int i = 0; i < 20; ++i) {
      for (int j = 0; j < 20; ++j) {
        if (i != j) within += kernel(a[x[i]], a[x[j]]) + kernel(b[y[i]], b[y[j]]);
        across += kernel(a[x[i]], b[y[j]]);
      }
    }
    values.push_back(within / (20 * 19) - 2 * across / 400);
  }
  const MeanStd got = kernel_distance(*store_of(a), *store_of(b), options);
  const MeanStd want = mean_std(values);
  EXPECT_CLOSE(got.mean, want.mean, 1e-12);
  EXPECT_CLOSE(got.std, want.std, 1e-12);
}

TEST_CASE("metrics: KID of subsets of several blocks") {
  const int64_t n = 1100;
  const at::Tensor a = seeded_noise(33, {n, 12}), b = seeded_noise(34, {n, 12}) * 1.1;
  const auto kernel = [](const at::Tensor& x, const at::Tensor& y) {
    return x.to(at::kDouble).matmul(y.to(at::kDouble).t()).div(12).add(1).pow(3);
  };
  const auto sum = [](const at::Tensor& values) { return values.sum().item<double>(); };
  const auto m = static_cast<double>(n);
  const double within =
      sum(kernel(a, a)) - sum(kernel(a, a).diagonal()) + sum(kernel(b, b)) - sum(kernel(b, b).diagonal());
  const double want = within / (m * (m - 1)) - 2 * sum(kernel(a, b)) / (m * m);
  const MeanStd got = kernel_distance(*store_of(a), *store_of(b), {1, n, 1, 3, {}, 1});
  EXPECT_CLOSE(got.mean, want, 1e-11);
  EXPECT_CLOSE(got.std, 0, 1e-15);
}

TEST_CASE("metrics: KID refuses what it cannot draw, by its numbers") {
  const auto a = store_of(seeded_noise(1, {8, 4})), b = store_of(seeded_noise(2, {5, 4}));
  EXPECT_ERROR(kernel_distance(*a, *b, {1, 6, 0, 3, {}, 1}), ErrorCode::kInvalidArgument,
               "6 rows cannot be drawn from 5");
  EXPECT_ERROR(kernel_distance(*a, *b, {1, 1, 0, 3, {}, 1}), ErrorCode::kInvalidArgument, "2 rows or more");
  EXPECT_ERROR(kernel_distance(*a, *b, {0, 4, 0, 3, {}, 1}), ErrorCode::kInvalidArgument, "1 subset");
  EXPECT_ERROR(kernel_distance(*a, *store_of(seeded_noise(2, {5, 3})), {1, 4, 0, 3, {}, 1}),
               ErrorCode::kInvalidArgument, "4 features and of 3");
}

TEST_CASE("metrics: the Inception score is exp of the mean divergence, block by block") {
  const int64_t n = 9001;  // more than two blocks
  const at::Tensor logits = seeded_noise(41, {n, 6}) * 2;
  const at::Tensor p = at::softmax(logits.to(at::kDouble), 1);
  const at::Tensor mean = p.mean(0);
  const double want = std::exp((p * (p.log() - mean.log())).sum(1).mean().item<double>());
  const auto rows = store_of(logits);
  EXPECT_CLOSE(inception_score(*rows, ScoreSplits{1, 5}).mean, want, 1e-11);
  EXPECT_CLOSE(inception_score(*rows, ScoreParts{n}).mean, want, 1e-11);
  // The last part is of one row: its score is 1.
  const MeanStd parts = inception_score(*rows, ScoreParts{n - 1});
  const double first = inception_score(*store_of(logits.slice(0, 0, n - 1)), ScoreParts{n}).mean;
  EXPECT_CLOSE(parts.mean, (first + 1) / 2, 1e-11);
  EXPECT_CLOSE(parts.std, (first - 1) / 2, 1e-11);
  // Equal rows, and rows that are sure of one class each.
  EXPECT_CLOSE(inception_score(*store_of(at::ones({7, 5}, at::kFloat)), ScoreSplits{2, {}}).mean, 1, 1e-12);
  EXPECT_CLOSE(inception_score(*store_of(at::eye(8, at::kFloat) * 3e4), ScoreSplits{1, {}}).mean, 8, 1e-12);
  EXPECT_ERROR(inception_score(RowStore(5, SpillOptions(0, "/tmp")), ScoreParts{5}), ErrorCode::kInvalidArgument,
               "no rows");
  EXPECT_ERROR(inception_score(*rows, ScoreSplits{n + 1, {}}), ErrorCode::kInvalidArgument, "9002 splits");
}

TEST_CASE("metrics: precision and recall are those of all distances by differences") {
  // Over several blocks, with copies within and between the sets, on a lattice of many equal distances, and far from 0,
  // where the product that is quicker cancels.
  const at::Tensor few = lattice(51, 300, 5, 4), others = lattice(52, 260, 5, 4);
  for (const int64_t neighbours : {1, 3, 7}) expect_precision_recall(few, others, neighbours);
  const at::Tensor far = seeded_noise(53, {400, 8}) * 1e-2 + 1000;
  const at::Tensor near =
      at::cat({far.slice(0, 0, 150), far.slice(0, 0, 150), seeded_noise(54, {60, 8}) * 1e-2 + 1000});
  expect_precision_recall(near, far, 3);
  expect_precision_recall(far, near, 1);
  // 20 copies of each row: every radius is 0, and only copies are within it.
  expect_precision_recall(lattice(55, 12, 40, 2).repeat({20, 1}), seeded_noise(56, {50, 40}), 5);
  expect_precision_recall(seeded_noise(57, {2100, 3}), seeded_noise(58, {2500, 3}) + 0.5, 3);
}

TEST_CASE("metrics: radii among rows that are nearer to each other than a product tells") {
  // One row 60 times, each time off by a few steps of fp32: by products, distances of 1e-15 are noise of 1e-13.
  const at::Tensor base = at::rand({1, 1024}, seeded_generator(71), at::TensorOptions()) * 0.2 + 0.3;
  const at::Tensor steps = at::randint(-1, 2, {60, 1024}, seeded_generator(72), at::TensorOptions().dtype(at::kFloat));
  const at::Tensor rows = at::cat({base + steps * std::ldexp(1.0, -25), seeded_noise(73, {30, 1024})});
  const std::vector<double> got = squared_radii(*store_of(rows), 3), want = plain_radii(rows, 3);
  EXPECT(got.size() == 90);
  for (size_t i = 0; i < got.size(); ++i) EXPECT_CLOSE(got[i] / want[i], 1, 1e-12);
  expect_precision_recall(rows, rows.slice(0, 0, 40), 3);
}

TEST_CASE("metrics: precision and recall refuse sets without radii") {
  const auto few = store_of(seeded_noise(1, {3, 4})), more = store_of(seeded_noise(2, {9, 4}));
  EXPECT_ERROR(precision_recall(*few, *more, 3), ErrorCode::kInvalidArgument, "3 rows has no radii over 3");
  EXPECT_ERROR(precision_recall(*more, *few, 3), ErrorCode::kInvalidArgument, "3 rows has no radii over 3");
  EXPECT_ERROR(precision_recall(*more, *few, 0), ErrorCode::kInvalidArgument, "0 neighbours");
  EXPECT_ERROR(precision_recall(*more, *store_of(seeded_noise(2, {9, 3})), 1), ErrorCode::kInvalidArgument,
               "4 features and of 3");
}

TEST_CASE("metrics: a cancelled job leaves every metric") {
  const at::Tensor rows = seeded_noise(61, {30, 8});
  const auto store = store_of(rows);
  const Statistics statistics = statistics_of(rows);
  const std::atomic<bool> cancelled{true};
  const CancelScope scope(cancelled);
  EXPECT_ERROR(frechet_distance(statistics, statistics), ErrorCode::kCancelled, "cancelled");
  EXPECT_ERROR(kernel_distance(*store, *store, {1, 4, 0, 3, {}, 1}), ErrorCode::kCancelled, "cancelled");
  EXPECT_ERROR(inception_score(*store, ScoreParts{5}), ErrorCode::kCancelled, "cancelled");
  EXPECT_ERROR(precision_recall(*store, *store, 3), ErrorCode::kCancelled, "cancelled");
}

}  // namespace svg::test
