// Which steps a model computes and which take again what it added at an earlier one: TeaCache's rule.
// Source: arXiv 2411.19108; polynomials and rule for Lumina-Image 2.0: ali-vilab/TeaCache 7c10efc.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <cstdint>
#include <optional>

#include "diffusion/velocity.h"

namespace svg {

/// Of a rescaling polynomial, the highest power first.
using RescalePolynomial = std::array<double, 5>;

/// The two that were published for Lumina-Image 2.0, fitted to its 2B.
inline constexpr RescalePolynomial kLumina2First = {393.76566581, -603.50993606, 209.10239044, -23.00726601,
                                                    0.86377344};
inline constexpr RescalePolynomial kLumina2Second = {225.7042019806413, -608.845371673559, 304.1869942338369,
                                                     124.21267720116742, -1.4089066892956552};

struct StepCache {
  double threshold = 0;  // of the sum of rescaled changes, at which a step is computed
  RescalePolynomial polynomial = kLumina2First;
};

/// mean |now - before| / mean |before|, a scalar on their device. Both of one shape.
at::Tensor relative_change(const at::Tensor& now, const at::Tensor& before);

struct StepDecision {
  bool computes = true;
  double accumulated = 0;  // the sum of changes that it was made by; 0 where the step is computed in any case
};

/// The memory of one branch of one picture.
class StepCacheRule {
 public:
  /// Whether the branch can be asked how much has changed: not at its first step, at the last one, and after a step
  /// that it had no part in. Such steps are computed.
  bool goes_by_change(const SolverTime& when) const;
  /// The decision for this step, which is remembered; `change` is relative_change() of the model's input since the step
  /// before, computed or not. Without a change where the step does not go by it.
  StepDecision decide(const StepCache& cache, const SolverTime& when, std::optional<double> change);

 private:
  double sum_ = 0;
  std::optional<int64_t> last_step_;
};

}  // namespace svg
