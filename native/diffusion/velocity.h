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

/// Velocity data - noise, of x's shape. Methods with a fixed grid ask at model_times(), in that order.
using VelocityFn = std::function<at::Tensor(const at::Tensor& x, const SolverTime& when)>;

struct SolverProgress {
  int64_t step = 0;   // steps done
  int64_t steps = 0;  // of how many; 0 for adaptive methods, which do not know
  double t = 0;       // model time reached
};

/// The state after a step, (B, ...) fp32, and the way to put another in its place: what editing is made of.
class SolverState {
 public:
  /// What a solver that learns from earlier steps is told of them.
  enum class History {
    kForget,  // the new state lies on another path: start as from its first step
    kKeep,    // it still leads to the data that the steps before pointed to, as where known pixels are put back
  };

  explicit SolverState(at::Tensor x) : x_(std::move(x)) {}

  const at::Tensor& x() const { return x_; }
  /// The next step starts from `x`; after the last step it is the result. Throws Error(kInvalidArgument) for another
  /// shape.
  void replace(const at::Tensor& x, History history = History::kForget);

  bool replaced() const { return replaced_; }
  bool forgets() const { return forgets_; }

 private:
  at::Tensor x_;
  bool replaced_ = false, forgets_ = false;
};

/// Called after each step; may replace the state. An exception (Error(kCancelled)) leaves the solver.
using StepFn = std::function<void(const SolverProgress& done, SolverState& state)>;

}  // namespace svg
