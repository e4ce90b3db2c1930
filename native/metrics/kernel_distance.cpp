#include "metrics/kernel_distance.h"

#include <algorithm>

#include "core/cancel.h"
#include "core/error.h"
#include "metrics/numpy_random.h"

namespace svg {
namespace {

constexpr int64_t kKernelBlock =
    512;  // rows: beside the subsets themselves little is held, and a job is soon cancelled

/// Values of the kernel for some rows, fp64.
at::Tensor polynomial_kernel(const at::Tensor& x, const at::Tensor& y, const KernelDistanceOptions& options) {
  const double gamma = options.gamma.value_or(1 / static_cast<double>(x.size(1)));
  return x.matmul(y.t()).mul_(gamma).add_(options.coef0).pow_(options.degree);
}

double sum_of(const at::Tensor& values) { return values.sum().item<double>(); }

at::Tensor kernel_block(const at::Tensor& rows, int64_t from) {
  return rows.narrow(0, from, std::min(kKernelBlock, rows.size(0) - from));
}

/// Of all pairs of a row of x and one of y.
double kernel_across(const at::Tensor& x, const at::Tensor& y, const KernelDistanceOptions& options) {
  double sum = 0;
  for (int64_t i = 0; i < x.size(0); i += kKernelBlock) {
    for (int64_t j = 0; j < y.size(0); j += kKernelBlock) {
      check_cancelled();
      sum += sum_of(polynomial_kernel(kernel_block(x, i), kernel_block(y, j), options));
    }
  }
  return sum;
}

/// Of all pairs of two different rows, in both orders, which have one value. A row beside itself tells nothing of the
/// distribution: without it the estimate is unbiased.
double kernel_within(const at::Tensor& x, const KernelDistanceOptions& options) {
  double sum = 0;
  for (int64_t i = 0; i < x.size(0); i += kKernelBlock) {
    const at::Tensor own = polynomial_kernel(kernel_block(x, i), kernel_block(x, i), options);
    sum += sum_of(own) - sum_of(own.diagonal());
    for (int64_t j = i + kKernelBlock; j < x.size(0); j += kKernelBlock) {
      check_cancelled();
      sum += 2 * sum_of(polynomial_kernel(kernel_block(x, i), kernel_block(x, j), options));
    }
  }
  return sum;
}

/// Of two subsets of m rows, fp64.
double squared_discrepancy(const at::Tensor& x, const at::Tensor& y, const KernelDistanceOptions& options) {
  const auto m = static_cast<double>(x.size(0));
  return (kernel_within(x, options) + kernel_within(y, options)) / (m * (m - 1)) -
         2 * kernel_across(x, y, options) / (m * m);
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
