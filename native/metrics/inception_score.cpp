#include "metrics/inception_score.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/cancel.h"
#include "core/error.h"
#include "metrics/numpy_random.h"

namespace svg {
namespace {

constexpr int64_t kScoreBlock = 4096;  // rows at once

/// Score of the rows that `order` names from `from` to `to`.
double score_of_part(const RowStore& logits, const std::vector<int64_t>& order, int64_t from, int64_t to) {
  at::Tensor total = at::zeros({logits.dimensions()}, at::kDouble);
  double negative_entropy = 0;  // summed over rows
  for (int64_t start = from; start < to; start += kScoreBlock) {
    check_cancelled();
    const auto first = order.begin() + start;
    const std::vector<int64_t> numbers(first, first + std::min(kScoreBlock, to - start));
    const at::Tensor rows = logits.rows(numbers).to(at::kDouble);
    // From log_softmax the logarithm is finite where the probability is 0: their product is then 0, not NaN.
    const at::Tensor log_p = at::log_softmax(rows, 1);
    const at::Tensor p = log_p.exp();
    total += p.sum(0);
    negative_entropy += p.mul(log_p).sum().item<double>();
  }
  const auto n = static_cast<double>(to - from);
  const at::Tensor mean = total / n;
  return std::exp(negative_entropy / n - at::xlogy(mean, mean).sum().item<double>());
}

std::vector<int64_t> rows_in_order(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  return order;
}

}  // namespace

MeanStd inception_score(const RowStore& logits, const InceptionScoreOptions& options) {
  const int64_t n = logits.count();
  SVG_CHECK(n > 0, ErrorCode::kInvalidArgument, "[metrics] an Inception score of no rows");
  std::vector<double> scores;
  if (const auto* parts = std::get_if<ScoreParts>(&options)) {
    SVG_CHECK(parts->rows >= 1, ErrorCode::kInvalidArgument, "[metrics] parts of ", parts->rows, " rows");
    const std::vector<int64_t> order = rows_in_order(n);
    for (int64_t from = 0; from < n; from += parts->rows) {
      scores.push_back(score_of_part(logits, order, from, std::min(n, from + parts->rows)));
    }
    return mean_std(scores);
  }
  const auto& [splits, seed] = std::get<ScoreSplits>(options);
  SVG_CHECK(splits >= 1 && splits <= n, ErrorCode::kInvalidArgument, "[metrics] ", n, " rows cannot be cut into ",
            splits, " splits");
  const std::vector<int64_t> order = seed ? NumpyRandom(*seed).permutation(n) : rows_in_order(n);
  for (int64_t i = 0; i < splits; ++i) {
    scores.push_back(score_of_part(logits, order, i * n / splits, (i + 1) * n / splits));
  }
  return mean_std(scores);
}

}  // namespace svg
