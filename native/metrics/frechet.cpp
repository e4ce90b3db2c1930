#include "metrics/frechet.h"

#include "core/error.h"
#include "metrics/covariance_factor.h"

namespace svg {
namespace {

Statistics checked_statistics(const Statistics& statistics) {
  const at::Tensor mu = statistics.mu.to(at::kCPU, at::kDouble);
  const at::Tensor sigma = statistics.sigma.to(at::kCPU, at::kDouble);
  SVG_CHECK(
      mu.dim() == 1 && mu.size(0) > 0 && sigma.dim() == 2 && sigma.size(0) == mu.size(0) && sigma.size(1) == mu.size(0),
      ErrorCode::kInvalidArgument, "[metrics] mu ", mu.sizes(), " and sigma ", sigma.sizes(), " do not fit each other");
  SVG_CHECK(mu.isfinite().all().item<bool>() && sigma.isfinite().all().item<bool>(), ErrorCode::kInvalidArgument,
            "[metrics] mu or sigma hold numbers that are not finite");
  return {mu, sigma, statistics.count};
}

}  // namespace

double frechet_distance(const Statistics& a, const Statistics& b) {
  const Statistics left = checked_statistics(a), right = checked_statistics(b);
  SVG_CHECK(left.mu.size(0) == right.mu.size(0), ErrorCode::kInvalidArgument, "[metrics] statistics of ",
            left.mu.size(0), " features and of ", right.mu.size(0), " have no distance");
  const double means = (left.mu - right.mu).square().sum().item<double>();
  const double traces = left.sigma.trace().item<double>() + right.sigma.trace().item<double>();
  // tr sqrt(S_a S_b) is the sum of the singular values of F_a^T F_b, whatever factors with F F^T = S they are. The
  // usual root of the product S_a S_b squares what is small before it takes the root, and fails without full rank.
  const at::Tensor cross = covariance_factor(left.sigma).t().matmul(covariance_factor(right.sigma));
  return means + traces - 2 * sum_of_singular_values(cross);
}

}  // namespace svg
