#include "golden/metrics.h"

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "metrics/frechet.h"
#include "metrics/inception_score.h"
#include "metrics/kernel_distance.h"
#include "metrics/numpy_random.h"
#include "metrics/picture_pairs.h"
#include "metrics/precision_recall.h"

namespace svg {
namespace {

using PairDistance = double (*)(const at::Tensor&, const at::Tensor&);

/// The tensor that a row names under `key`.
at::Tensor tensor_of(const GoldenCase& golden, const Json& row, const char* key) {
  const std::string& name = row.at(key).as_string();
  const auto found = golden.io().find(name);
  SVG_CHECK(found != golden.io().end(), ErrorCode::kFileFormat, golden.folder(), ": no tensor \"", name, "\"");
  return found->second;
}

std::unique_ptr<RowStore> stored(const at::Tensor& rows) {
  constexpr int64_t kMemory = int64_t{1} << 30;
  auto store = std::make_unique<RowStore>(rows.size(1), SpillOptions(kMemory, "/tmp"));
  store->append(rows);
  return store;
}

std::vector<std::unique_ptr<RowStore>> stored(const GoldenCase& golden, const Json& row, const char* a, const char* b) {
  std::vector<std::unique_ptr<RowStore>> stores;
  for (const char* key : {a, b}) stores.push_back(stored(tensor_of(golden, row, key)));
  return stores;
}

/// JSON has no number for infinity.
double number_of(const Json& value) {
  if (!value.is_string()) return value.as_double();
  SVG_CHECK(value.as_string() == "inf", ErrorCode::kFileFormat, "\"", value.as_string(), "\" is no number");
  return std::numeric_limits<double>::infinity();
}

void expect_number(GoldenCase& golden, const std::string& label, double got, double want, double atol, double rtol) {
  if (std::isinf(want)) {
    if (got != want) golden.fail(concat(label, ": ", got, " where ", want, " is wanted"));
    return;
  }
  golden.expect_close(label, at::scalar_tensor(got, at::kDouble), at::scalar_tensor(want, at::kDouble), atol, rtol);
}

std::string label_of(const Json& row, const char* value) { return row.at("name").as_string() + "." + value; }

void expect_value(GoldenCase& golden, const Json& row, const char* key, double got) {
  expect_number(golden, label_of(row, key), got, number_of(row.at(key)), golden.atol(), golden.rtol());
}

void expect_permutation(GoldenCase& golden, const std::string& label, const std::vector<int64_t>& got,
                        const std::vector<int64_t>& want) {
  if (got != want) golden.fail(label + ": another order");
}

std::vector<int64_t> numbers_of(const at::Tensor& row) {
  const at::Tensor numbers = row.contiguous();
  return {numbers.const_data_ptr<int64_t>(), numbers.const_data_ptr<int64_t>() + numbers.numel()};
}

template <typename Call>
void expect_refused(GoldenCase& golden, const std::string& label, const Call& call) {
  try {
    call();
    golden.fail(label + " was not refused");
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) golden.fail(label + " was refused as a fault: " + error.what());
  }
}

Statistics statistics_of(const GoldenCase& golden, const Json& row, const std::string& side) {
  if (row.find("mu_" + side)) {
    return {tensor_of(golden, row, ("mu_" + side).c_str()), tensor_of(golden, row, ("sigma_" + side).c_str())};
  }
  const at::Tensor rows = tensor_of(golden, row, side.c_str());
  Moments moments(rows.size(1));
  moments.add(rows);
  return moments.statistics();
}

// The subsets themselves are tensors of the case: what a distance comes to tells little of which rows it is of.
void compare_subsets(GoldenCase& golden, const Json& row, const RowStore& a, const RowStore& b, uint32_t seed) {
  if (!row.find("index_a")) return;
  const at::Tensor of_a = tensor_of(golden, row, "index_a"), of_b = tensor_of(golden, row, "index_b");
  NumpyRandom random(seed);
  for (int64_t i = 0; i < of_a.size(0); ++i) {
    expect_permutation(golden, label_of(row, "index_a"), random.choice(a.count(), of_a.size(1)), numbers_of(of_a[i]));
    expect_permutation(golden, label_of(row, "index_b"), random.choice(b.count(), of_b.size(1)), numbers_of(of_b[i]));
  }
}

void compare_pairs(GoldenCase& golden, const std::vector<std::pair<const char*, PairDistance>>& distances) {
  for (const Json& row : golden.spec().at("rows").as_array()) {
    const at::Tensor a = tensor_of(golden, row, "a"), b = tensor_of(golden, row, "b");
    for (const auto& [key, distance] : distances) {
      const Json* want = row.find(key);
      if (!want) continue;
      // Where the public implementation refuses a size, its text stands in the place of the value.
      if (want->is_string() && want->as_string() != "inf") {
        expect_refused(golden, label_of(row, key), [&] { distance(a, b); });
      } else {
        expect_value(golden, row, key, distance(a, b));
      }
    }
  }
  const Json* small = golden.spec().find("too_small");
  if (!small) return;
  for (const auto& [key, distance] : distances) {
    expect_refused(golden, concat("too_small.", key),
                   [&] { distance(tensor_of(golden, *small, "a"), tensor_of(golden, *small, "b")); });
  }
}

}  // namespace

void run_fid(GoldenCase& golden) {
  for (const Json& row : golden.spec().at("rows").as_array()) {
    const Statistics a = statistics_of(golden, row, "a"), b = statistics_of(golden, row, "b");
    expect_number(golden, label_of(row, "fid"), frechet_distance(a, b), row.at("fid").as_double(),
                  row.at("atol").as_double(), 0);
  }
}

void run_kid(GoldenCase& golden) {
  for (const Json& drawn : golden.spec().at("rng").as_array()) {
    NumpyRandom random(static_cast<uint32_t>(drawn.at("seed").as_int()));
    const int64_t n = drawn.at("n").as_int();
    expect_permutation(golden, concat("permutation of ", n), random.permutation(n),
                       drawn.at("permutation").as_int_list());
  }
  for (const Json& row : golden.spec().at("rows").as_array()) {
    const auto sets = stored(golden, row, "a", "b");
    KernelDistanceOptions options{};
    options.subsets = row.at("subsets").as_int();
    options.subset_size = row.at("subset_size").as_int();
    options.seed = static_cast<uint32_t>(row.at("rng_seed").as_int());
    options.degree = row.at("degree").as_int();
    if (const Json* gamma = row.find("gamma")) options.gamma = gamma->as_double();
    options.coef0 = row.at("coef0").as_double();
    compare_subsets(golden, row, *sets[0], *sets[1], options.seed);
    const MeanStd got = kernel_distance(*sets[0], *sets[1], options);
    expect_value(golden, row, "mean", got.mean);
    expect_value(golden, row, "std", got.std);
  }
}

void run_inception_score(GoldenCase& golden) {
  for (const Json& row : golden.spec().at("rows").as_array()) {
    if (const Json* part = row.find("part_size")) {
      const at::Tensor logits = tensor_of(golden, row, "features").matmul(tensor_of(golden, row, "weight").t());
      expect_value(golden, row, "mean", inception_score(*stored(logits), ScoreParts{part->as_int()}).mean);
      continue;
    }
    ScoreSplits splits{row.at("splits").as_int(), {}};
    const at::Tensor logits = tensor_of(golden, row, "logits");
    if (row.at("shuffle").as_bool()) {
      splits.shuffle_seed = static_cast<uint32_t>(row.at("rng_seed").as_int());
      expect_permutation(golden, label_of(row, "permutation"),
                         NumpyRandom(*splits.shuffle_seed).permutation(logits.size(0)),
                         numbers_of(tensor_of(golden, row, "permutation")));
    }
    const MeanStd got = inception_score(*stored(logits), splits);
    expect_value(golden, row, "mean", got.mean);
    expect_value(golden, row, "std", got.std);
  }
  if (const Json* few = golden.spec().find("too_few")) {
    const auto rows = stored(tensor_of(golden, *few, "logits").narrow(0, 0, few->at("rows").as_int()));
    expect_refused(golden, "too_few", [&] { inception_score(*rows, ScoreSplits{few->at("splits").as_int(), {}}); });
  }
}

void run_precision_recall(GoldenCase& golden) {
  for (const Json& row : golden.spec().at("rows").as_array()) {
    const auto sets = stored(golden, row, "generated", "real");
    const PrecisionRecall got = precision_recall(*sets[0], *sets[1], row.at("neighbours").as_int());
    expect_value(golden, row, "precision", got.precision);
    expect_value(golden, row, "recall", got.recall);
    expect_value(golden, row, "f_score", got.f_score);
  }
  if (const Json* few = golden.spec().find("too_few")) {
    const auto generated =
        stored(tensor_of(golden, *few, "generated").narrow(0, 0, few->at("generated_rows").as_int()));
    const auto real = stored(tensor_of(golden, *few, "real"));
    const int64_t neighbours = few->at("neighbours").as_int();
    expect_refused(golden, "too_few", [&] { precision_recall(*generated, *real, neighbours); });
    expect_refused(golden, "too_few, the other way", [&] { precision_recall(*real, *generated, neighbours); });
  }
}

void run_psnr(GoldenCase& golden) {
  compare_pairs(golden, {{"psnr", psnr}});
  if (const Json* set = golden.spec().find("set")) {
    const at::Tensor a = tensor_of(golden, *set, "a"), b = tensor_of(golden, *set, "b");
    double sum = 0;
    for (int64_t i = 0; i < a.size(0); ++i) sum += psnr(a[i], b[i]);
    expect_number(golden, "set.mean_of_psnr", sum / static_cast<double>(a.size(0)), set->at("mean_of_psnr").as_double(),
                  golden.atol(), golden.rtol());
  }
}

void run_ssim(GoldenCase& golden) { compare_pairs(golden, {{"ssim", ssim}, {"ssim_reflect", ssim_reflect}}); }

void run_ms_ssim(GoldenCase& golden) {
  compare_pairs(golden, {{"ms_ssim", ms_ssim}, {"ms_ssim_reflect", ms_ssim_reflect}});
}

}  // namespace svg
