// Explicit Runge-Kutta methods on a fixed grid of model times, as torchdiffeq runs them.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "diffusion/velocity.h"

namespace svg {

/// Stage i is evaluated at t0 + nodes[i] dt in y0 + dt sum_j coupling[i][j] k_j; the step adds dt sum_i weights[i] k_i.
struct ButcherTableau {
  std::vector<double> nodes;
  std::vector<std::vector<double>> coupling;
  std::vector<double> weights;
};

/// "euler", "midpoint", "heun2" (also "heun"), "heun3" or "rk4" (the 3/8 rule); nullptr for other names.
const ButcherTableau* find_fixed_method(const std::string& name);

/// The `points` grid times from 0 to 1, moved by shift_times, in fp32.
std::vector<double> ode_grid(int64_t points, double shift);

/// Model times of all evaluations on a grid.
std::vector<double> ode_model_times(const ButcherTableau& method, const std::vector<double>& grid);

/// Integrates from noise (B, ...) over the grid; returns the state at its end, fp32.
at::Tensor ode_solve(const ButcherTableau& method, const std::vector<double>& grid, const at::Tensor& noise,
                     const VelocityFn& velocity, const ProgressFn& on_step = {});

}  // namespace svg
