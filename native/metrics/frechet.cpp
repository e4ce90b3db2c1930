#include "metrics/frechet.h"

#include <limits>

#include "core/cancel.h"
#include "core/error.h"

namespace svg {
namespace {

// Rounding of a sigma that was kept in fp32 leaves eigenvalues that far below 0, a share of the largest.
constexpr double kMostNegative = 1e-3;

Statistics checked_statistics(const Statistics& statistics) {
  const at::Tensor mu = statistics.mu.to(at::kCPU, at::kDouble);
  const at::Tensor sigma = statistics.sigma.to(at::kCPU, at::kDouble);
  SVG_CHECK(
      mu.dim() == 1 && mu.size(0) > 0 && sigma.dim() == 2 && sigma.size(0) == mu.size(0) && sigma.size(1) == mu.size(0),
      ErrorCode::kInvalidArgument, "[metrics] mu ", mu.sizes(), " and sigma ", sigma.sizes(), " do not fit each other");
  SVG_CHECK(mu.isfinite().all().item<bool>() && sigma.isfinite().all().item<bool>(), ErrorCode::kInvalidArgument,
            "[metrics] mu or sigma hold numbers that are not finite");
  const double asymmetry = (sigma - sigma.t()).abs().max().item<double>();
  SVG_CHECK(asymmetry <= kMostNegative * sigma.abs().max().item<double>(), ErrorCode::kInvalidArgument,
            "[metrics] sigma is no covariance: it is not symmetric, by up to ", asymmetry);
  return {mu, sigma, statistics.count};
}

/// F (d, rank) with F F^T = sigma. Eigenvalues that are nothing but rounding of the largest are left out: their roots
/// would not be small.
at::Tensor covariance_factor(const at::Tensor& sigma) {
  const auto [values, vectors] = at::linalg_eigh(sigma);  // ascending
  check_cancelled();
  const int64_t d = sigma.size(0);
  const double smallest = values[0].item<double>(), largest = values[d - 1].item<double>();
  SVG_CHECK(smallest >= -kMostNegative * std::max(largest, 0.0), ErrorCode::kInvalidArgument,
            "[metrics] sigma is no covariance: it has the eigenvalue ", smallest, " beside ", largest);
  const double floor = static_cast<double>(d) * std::numeric_limits<double>::epsilon() * largest;
  const int64_t rank = values.gt(floor).sum().item<int64_t>();
  return vectors.narrow(1, d - rank, rank) * values.narrow(0, d - rank, rank).sqrt();
}

}  // namespace

double frechet_distance(const Statistics& a, const Statistics& b) {
  const Statistics left = checked_statistics(a), right = checked_statistics(b);
  SVG_CHECK(left.mu.size(0) == right.mu.size(0), ErrorCode::kInvalidArgument, "[metrics] statistics of ",
            left.mu.size(0), " features and of ", right.mu.size(0), " have no distance");
  const double means = (left.mu - right.mu).square().sum().item<double>();
  const double traces = left.sigma.trace().item<double>() + right.sigma.trace().item<double>();
  // tr sqrt(S_a S_b) is the sum of the singular values of F_a^T F_b. A root of the product of both, as is usual,
  // squares what is small before it takes the root, and knows no covariances without full rank.
  const at::Tensor cross = covariance_factor(left.sigma).t().matmul(covariance_factor(right.sigma));
  if (cross.numel() == 0) return means + traces;
  check_cancelled();
  return means + traces - 2 * at::linalg_svdvals(cross).sum().item<double>();
}

}  // namespace svg
