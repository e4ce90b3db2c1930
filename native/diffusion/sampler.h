// One entry to all solvers: their table, options as a request gives them, the times of the model in advance, the
// sample.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/request.h"
#include "diffusion/solver_kind.h"

namespace svg {

/// All solvers, in the order in which they are shown. A method of a known family is added to its family's table.
const std::vector<SolverKind>& solver_kinds();

/// By name or alias. Throws Error(kInvalidArgument) listing the names.
const SolverKind& find_solver(const std::string& name);

/// For the catalogue: [{"name", "title", "family", "fields", "shift", "leastSteps", "stages"}].
Json solver_rows();

struct SamplerOptions : SolverSettings {
  std::string name = "dpm++";

  /// From {name, steps, order, skipType, method, shift, atol, rtol, start, end}, all optional; also skip_type.
  /// Throws Error(kInvalidArgument) for unknown names and values out of range.
  static SamplerOptions from_json(const Json& json);
  /// Of a job: {name, steps, order, method, skipType, shift, atol, rtol, start?, end?}. Throws as from_json.
  static SamplerOptions from_request(const Request& request);

  const SolverKind& kind() const { return find_solver(name); }
  bool adaptive() const { return kind().family == SolverFamily::kAdaptive; }
  /// At most; 0 for adaptive methods.
  int64_t evaluations_of_step() const {
    return kind().family == SolverFamily::kDpm && singlestep ? std::min(order, steps) : kind().stages;
  }
};

/// Model times of all evaluations in order; empty for adaptive methods, which choose them on the way.
std::vector<double> model_times(const SamplerOptions& options);

/// A run that carries the state (B, ...) at options.start, which is noise where that is 0, to data; fp32 throughout. It
/// waits for its first velocity.
SolverRun start_run(const SamplerOptions& options, const at::Tensor& state, const StepFn& on_step = {});

/// The same to its end, along the velocity. Returns the data.
at::Tensor sample(const SamplerOptions& options, const at::Tensor& state, const VelocityFn& velocity,
                  const StepFn& on_step = {});

}  // namespace svg
