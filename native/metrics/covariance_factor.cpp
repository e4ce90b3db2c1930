#include "metrics/covariance_factor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/cancel.h"
#include "core/error.h"

namespace svg {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// Rounding of a sigma that was kept in fp32 leaves asymmetry, and eigenvalues below 0, of less than that share of the
// largest.
constexpr double kMostRounding = 1e-3;

// From that share of the largest pivot on, the smallest is none of rounding's making.
constexpr double kCertainPivot = 1e-10;

// Eigenvalues of x x^T are the squares of what is wanted: that far below the largest, half of their digits are right.
constexpr double kCertainSquare = 1e-10;

constexpr int64_t kRankShare = 8;  // a rank below d / 8 is low

/// What rounding may leave of numbers that cancel, beside numbers of that size.
double rounding_of(double size, int64_t d) { return static_cast<double>(d) * kEpsilon * size; }

/// Of a few rows in many dimensions: as many columns as there are rows. Takes the largest of what is left on the
/// diagonal each time, until nothing is. Absent where more columns were needed, or where they do not give sigma back.
/// Source: Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 10.3.
std::optional<at::Tensor> low_rank_factor(const at::Tensor& sigma) {
  const int64_t d = sigma.size(0), most = d / kRankShare;
  at::Tensor rows = at::zeros({most, d}, at::kDouble);  // the transposed factor
  at::Tensor left = sigma.diagonal().clone();
  const double bound = rounding_of(left.max().item<double>(), d);
  int64_t rank = 0;
  for (;; ++rank) {
    const int64_t pivot = left.argmax().item<int64_t>();
    const double size = left[pivot].item<double>();
    if (!(size > bound)) break;
    if (rank == most) return std::nullopt;
    const at::Tensor before = rows.narrow(0, 0, rank);
    const at::Tensor row = (sigma[pivot] - before.select(1, pivot).matmul(before)) / std::sqrt(size);
    rows[rank].copy_(row);
    left -= row.square();
    left[pivot] = 0;
  }
  const at::Tensor factor = rows.narrow(0, 0, rank).t();
  const double rest = (sigma - factor.matmul(factor.t())).abs().max().item<double>();
  // What no diagonal showed, such as a sigma that is no covariance.
  return rest <= 4 * bound ? std::optional(factor) : std::nullopt;
}

/// Of many rows. Absent where sigma has no full rank beyond rounding.
std::optional<at::Tensor> full_rank_factor(const at::Tensor& sigma) {
  const auto [factor, info] = at::linalg_cholesky_ex(sigma);
  if (info.item<int>() != 0) return std::nullopt;
  const at::Tensor pivots = factor.diagonal().square();
  const bool certain = pivots.min().item<double>() >= kCertainPivot * pivots.max().item<double>();
  return certain ? std::optional(factor) : std::nullopt;
}

at::Tensor eigen_factor(const at::Tensor& sigma) {
  const auto [values, vectors] = at::linalg_eigh(sigma);  // ascending
  const int64_t d = sigma.size(0);
  const double smallest = values[0].item<double>(), largest = values[d - 1].item<double>();
  SVG_CHECK(smallest >= -kMostRounding * std::max(largest, 0.0), ErrorCode::kInvalidArgument,
            "[metrics] sigma is no covariance: it has the eigenvalue ", smallest, " beside ", largest);
  const int64_t rank = values.gt(rounding_of(largest, d)).sum().item<int64_t>();
  return vectors.narrow(1, d - rank, rank) * values.narrow(0, d - rank, rank).sqrt();
}

}  // namespace

at::Tensor covariance_factor(const at::Tensor& sigma) {
  check_cancelled();
  const double asymmetry = (sigma - sigma.t()).abs().max().item<double>();
  SVG_CHECK(asymmetry <= kMostRounding * sigma.abs().max().item<double>(), ErrorCode::kInvalidArgument,
            "[metrics] sigma is no covariance: it is not symmetric, by up to ", asymmetry);
  if (const auto factor = low_rank_factor(sigma)) return *factor;
  if (const auto factor = full_rank_factor(sigma)) return *factor;
  check_cancelled();
  return eigen_factor(sigma);
}

double sum_of_singular_values(const at::Tensor& x) {
  if (x.numel() == 0) return 0;
  check_cancelled();
  const at::Tensor squares = x.size(0) <= x.size(1) ? x.matmul(x.t()) : x.t().matmul(x);
  const at::Tensor values = at::linalg_eigvalsh(squares);  // ascending; a fifth of the time of singular values
  const double smallest = values[0].item<double>(), largest = values[values.size(0) - 1].item<double>();
  if (smallest >= kCertainSquare * largest) return values.sqrt().sum().item<double>();
  check_cancelled();
  return at::linalg_svdvals(x).sum().item<double>();
}

}  // namespace svg
