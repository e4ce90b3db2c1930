// Explicit Runge-Kutta methods that choose their own steps, as torchdiffeq runs them.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "diffusion/ode.h"

namespace svg {

/// The stages' last row closes the step: its k becomes the next step's first.
struct AdaptiveMethod {
  ButcherTableau tableau;
  std::vector<double> error;     // weights of the error estimate
  std::vector<double> midpoint;  // weights of the state at half the step, for the interpolation
  int64_t order = 0;             // of the step; its inverse is the exponent of the step-size rule
};

/// The table of these methods: to add one, add its coefficients there.
std::vector<SolverKind> adaptive_solvers();

/// Integrates the state (B, ...) at t = `start` to t = 1, fp32; times and step sizes are fp64. A step is taken where
/// the root mean square of error / (absolute + relative * max(|y0|, |y1|)) is at most 1. The last step runs past 1 and
/// is interpolated there by a quartic. First step: Hairer, Norsett, Wanner, Solving ODEs I, II.4.
/// Throws Error(kNumeric) where the state is not finite or the step size vanishes.
SolverRun adaptive_run(AdaptiveMethod method, Tolerance tolerance, double start, at::Tensor state, StepFn on_step = {});

}  // namespace svg
