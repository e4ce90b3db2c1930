// What a solver asks of its caller. The model's clock runs from noise (t = 0) to data (t = 1).
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>

namespace svg {

/// When a velocity is asked for.
struct SolverTime {
  double t = 0;       // model time
  int64_t step = 0;   // from 0; all evaluations of one step share it
  int64_t steps = 0;  // of how many; 0 for adaptive methods, which do not know
};

/// Velocity data - noise, of x's shape, at model time t. `evaluation` counts the calls from 0 and, for methods
/// with a fixed grid, indexes model_times().
using VelocityFn = std::function<at::Tensor(const at::Tensor& x, double t, int64_t evaluation)>;

struct SolverProgress {
  int64_t step = 0;   // steps done
  int64_t steps = 0;  // of how many; 0 for adaptive methods, which do not know
  double t = 0;       // model time reached
};

/// Called after each step; an exception (Error(kCancelled)) leaves the solver.
using ProgressFn = std::function<void(const SolverProgress&)>;

}  // namespace svg
