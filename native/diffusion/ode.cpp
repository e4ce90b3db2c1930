#include "diffusion/ode.h"

#include "core/error.h"
#include "diffusion/time_shift.h"

namespace svg {
namespace {

// The time of a stage; in fp32, in which the grid is, so that every evaluation sees torchdiffeq's own time.
double stage_time(double t0, double t1, double node) {
  if (node == 1) return t1;
  const float begin = static_cast<float>(t0), end = static_cast<float>(t1);
  return begin + static_cast<float>(node) * (end - begin);
}

// Integrates the state (B, ...) over the grid, in fp32.
SolverRun ode_run(ButcherTableau method, std::vector<double> grid, at::Tensor state, StepFn on_step) {
  at::Tensor y = state.to(at::kFloat);
  const int64_t steps = static_cast<int64_t>(grid.size()) - 1;
  for (size_t i = 0; i + 1 < grid.size(); ++i) {
    const double dt = static_cast<float>(grid[i + 1]) - static_cast<float>(grid[i]);
    std::vector<at::Tensor> k;
    for (size_t stage = 0; stage < method.nodes.size(); ++stage) {
      at::Tensor x = y;
      for (size_t j = 0; j < stage; ++j) {
        const double weight = method.coupling[stage][j];
        if (weight != 0) x = x + (dt * weight) * k[j];
      }
      const SolverTime when{stage_time(grid[i], grid[i + 1], method.nodes[stage]), static_cast<int64_t>(i), steps};
      const at::Tensor velocity = co_await VelocityAt(x, when);
      k.push_back(velocity);
    }
    for (size_t stage = 0; stage < k.size(); ++stage) {
      if (method.weights[stage] != 0) y = y + (dt * method.weights[stage]) * k[stage];
    }
    if (on_step) {
      SolverState after(y);
      on_step({static_cast<int64_t>(i) + 1, steps, grid[i + 1]}, after);
      y = after.x();
    }
  }
  co_return y;
}

SolverKind fixed_solver(std::string name, std::string title, const ButcherTableau& method,
                        std::vector<std::string> aliases = {}) {
  SolverKind kind{std::move(name), std::move(title), std::move(aliases), SolverFamily::kFixed, {"steps", "shift"}};
  kind.usual_shift = 6;
  kind.least_steps = 2;  // a grid has two ends
  kind.stages = static_cast<int64_t>(method.nodes.size());
  kind.model_times = [method](const SolverSettings& settings) {
    return ode_model_times(method, ode_grid(settings.steps, settings.shift, settings.start, settings.end));
  };
  kind.run = [method](const SolverSettings& settings, const at::Tensor& state, const StepFn& on_step) {
    return ode_run(method, ode_grid(settings.steps, settings.shift, settings.start, settings.end), state, on_step);
  };
  return kind;
}

}  // namespace

std::vector<double> ode_grid(int64_t points, double shift, double start, double end) {
  SVG_CHECK(points >= 2, ErrorCode::kInvalidArgument, "[ode] a grid of ", points, " points, at least 2 are needed");
  const double first = unshifted_time(start, shift);
  SVG_CHECK(first < end, ErrorCode::kInvalidArgument, "start is ", start, ", the grid ends before it");
  const at::Tensor even = at::linspace(first, end, points, at::kFloat);
  const at::Tensor times = shift_times(even, shift).to(at::kDouble);
  std::vector<double> grid(times.const_data_ptr<double>(), times.const_data_ptr<double>() + points);
  grid.front() = static_cast<float>(start);  // to the bit, where the shift and its inverse round
  return grid;
}

std::vector<double> ode_model_times(const ButcherTableau& method, const std::vector<double>& grid) {
  std::vector<double> times;
  for (size_t i = 0; i + 1 < grid.size(); ++i) {
    for (const double node : method.nodes) times.push_back(stage_time(grid[i], grid[i + 1], node));
  }
  return times;
}

std::vector<SolverKind> fixed_solvers() {
  const ButcherTableau heun{{0, 1}, {{}, {1}}, {0.5, 0.5}};
  const ButcherTableau heun3{{0, 1.0 / 3, 2.0 / 3}, {{}, {1.0 / 3}, {0, 2.0 / 3}}, {0.25, 0, 0.75}};
  const ButcherTableau three_eighths{
      {0, 1.0 / 3, 2.0 / 3, 1}, {{}, {1.0 / 3}, {-1.0 / 3, 1}, {1, -1, 1}}, {0.125, 0.375, 0.375, 0.125}};
  return {
      fixed_solver("euler", "Euler's method, first order", {{0}, {{}}, {1}}),
      fixed_solver("midpoint", "midpoint method, second order", {{0, 0.5}, {{}, {0.5}}, {0, 1}}),
      fixed_solver("heun", "Heun's method, second order", heun, {"heun2"}),
      fixed_solver("heun3", "Heun's method, third order", heun3),
      fixed_solver("rk4", "Runge-Kutta, fourth order (3/8 rule)", three_eighths),
  };
}

}  // namespace svg
