// Explicit Runge-Kutta methods on a fixed grid of model times, as torchdiffeq runs them.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "diffusion/solver_kind.h"

namespace svg {

/// Stage i is evaluated at t0 + nodes[i] dt in y0 + dt sum_j coupling[i][j] k_j; the step adds dt sum_i weights[i] k_i.
struct ButcherTableau {
  std::vector<double> nodes;
  std::vector<std::vector<double>> coupling;
  std::vector<double> weights;
};

/// The table of these methods: to add one, add its tableau there.
std::vector<SolverKind> fixed_solvers();

/// `points` grid times from `start` on, in fp32: even, the last at `end`, before shift_times moves them. Throws
/// Error(kInvalidArgument) for fewer than 2 points, or where the start lies beyond the end.
std::vector<double> ode_grid(int64_t points, double shift, double start = 0, double end = 1);

/// Model times of all evaluations on a grid.
std::vector<double> ode_model_times(const ButcherTableau& method, const std::vector<double>& grid);

}  // namespace svg
