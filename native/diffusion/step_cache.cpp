#include "diffusion/step_cache.h"

#include "core/error.h"

namespace svg {
namespace {

double at_polynomial(const RescalePolynomial& coefficients, double x) {
  double value = 0;
  for (const double coefficient : coefficients) value = value * x + coefficient;
  return value;
}

}  // namespace

at::Tensor relative_change(const at::Tensor& now, const at::Tensor& before) {
  return (now - before).abs().mean() / before.abs().mean();
}

bool StepCacheRule::goes_by_change(const SolverTime& when) const {
  return last_step_ && *last_step_ + 1 == when.step && when.step + 1 < when.steps;
}

StepDecision StepCacheRule::decide(const StepCache& cache, const SolverTime& when, std::optional<double> change) {
  SVG_CHECK(change.has_value() == goes_by_change(when), ErrorCode::kInternal, "[step_cache] step ", when.step,
            " was given a change where it goes by none, or none where it does");
  last_step_ = when.step;
  if (!change) {
    sum_ = 0;
    return {};
  }
  sum_ += at_polynomial(cache.polynomial, *change);
  // A change that is no number is computed: the sum cannot be trusted.
  const StepDecision decision{!(sum_ < cache.threshold), sum_};
  if (decision.computes) sum_ = 0;
  return decision;
}

}  // namespace svg
