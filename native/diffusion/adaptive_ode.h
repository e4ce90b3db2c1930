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

}  // namespace svg
