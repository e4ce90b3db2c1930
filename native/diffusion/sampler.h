// One entry to all solvers: options as a request gives them, the times of the model in advance, the sample.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "core/json.h"
#include "diffusion/adaptive_ode.h"
#include "diffusion/dpm_solver.h"
#include "diffusion/velocity.h"

namespace svg {

struct SamplerOptions {
  /// "dpm++", a name of find_fixed_method or one of find_adaptive_method.
  std::string name = "dpm++";
  DpmOptions dpm;       // steps and shift are those of every fixed method; see ode_grid for what steps means there
  Tolerance tolerance;  // of adaptive methods, which take neither steps nor shift

  /// From {name, steps, order, skip_type, method, shift, atol, rtol}, all optional.
  /// Throws Error(kInvalidArgument) for unknown names and values out of range.
  static SamplerOptions from_json(const Json& json);

  bool adaptive() const { return find_adaptive_method(name) != nullptr; }
};

/// Model times of all evaluations in order; empty for adaptive methods, which choose them on the way.
std::vector<double> model_times(const SamplerOptions& options);

/// Carries noise (B, ...) to data along the velocity; the state is fp32 throughout.
at::Tensor sample(const SamplerOptions& options, const at::Tensor& noise, const VelocityFn& velocity,
                  const ProgressFn& on_step = {});

}  // namespace svg
