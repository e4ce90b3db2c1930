#include "metrics/kernel_distance.h"

#include "core/cancel.h"
#include "core/error.h"
#include "metrics/numpy_random.h"

namespace svg {
namespace {

at::Tensor polynomial_kernel(const at::Tensor& x, const at::Tensor& y, const KernelDistanceOptions& options) {
  const double gamma = options.gamma.value_or(1 / static_cast<double>(x.size(1)));
  return x.matmul(y.t()).mul_(gamma).add_(options.coef0).pow_(options.degree);
}

double sum_of(const at::Tensor& values) { return values.sum().item<double>(); }

/// Of two subsets of m rows, fp64.
double squared_discrepancy(const at::Tensor& x, const at::Tensor& y, const KernelDistanceOptions& options) {
  const auto m = static_cast<double>(x.size(0));
  const at::Tensor xx = polynomial_kernel(x, x, options);
  const at::Tensor yy = polynomial_kernel(y, y, options);
  // A row beside itself tells nothing of the distribution: without the diagonals the estimate is unbiased.
  const double within = sum_of(xx) - sum_of(xx.diagonal()) + sum_of(yy) - sum_of(yy.diagonal());
  check_cancelled();
  return within / (m * (m - 1)) - 2 * sum_of(polynomial_kernel(x, y, options)) / (m * m);
}

}  // namespace

MeanStd kernel_distance(const RowStore& a, const RowStore& b, const KernelDistanceOptions& options) {
  SVG_CHECK(a.dimensions() == b.dimensions(), ErrorCode::kInvalidArgument, "[metrics] rows of ", a.dimensions(),
            " features and of ", b.dimensions(), " have no kernel distance");
  SVG_CHECK(options.subsets >= 1 && options.subset_size >= 2 && options.degree >= 1, ErrorCode::kInvalidArgument,
            "[metrics] a kernel distance takes 1 subset or more, of 2 rows or more, and degree 1 or more");
  for (const RowStore* rows : {&a, &b}) {
    SVG_CHECK(rows->count() >= options.subset_size, ErrorCode::kInvalidArgument, "[metrics] subsets of ",
              options.subset_size, " rows cannot be drawn from ", rows->count());
  }
  NumpyRandom random(options.seed);
  std::vector<double> values;
  for (int64_t i = 0; i < options.subsets; ++i) {
    check_cancelled();
    const at::Tensor x = a.rows(random.choice(a.count(), options.subset_size)).to(at::kDouble);
    const at::Tensor y = b.rows(random.choice(b.count(), options.subset_size)).to(at::kDouble);
    values.push_back(squared_discrepancy(x, y, options));
  }
  return mean_std(values);
}

}  // namespace svg
