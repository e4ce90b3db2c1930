#include "diffusion/ode.h"

#include <map>

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

}  // namespace

const ButcherTableau* find_fixed_method(const std::string& name) {
  static const ButcherTableau heun{{0, 1}, {{}, {1}}, {0.5, 0.5}};
  static const std::map<std::string, ButcherTableau> methods = {
      {"euler", {{0}, {{}}, {1}}},
      {"midpoint", {{0, 0.5}, {{}, {0.5}}, {0, 1}}},
      {"heun2", heun},
      {"heun", heun},
      {"heun3", {{0, 1.0 / 3, 2.0 / 3}, {{}, {1.0 / 3}, {0, 2.0 / 3}}, {0.25, 0, 0.75}}},
      {"rk4", {{0, 1.0 / 3, 2.0 / 3, 1}, {{}, {1.0 / 3}, {-1.0 / 3, 1}, {1, -1, 1}}, {0.125, 0.375, 0.375, 0.125}}},
  };
  const auto found = methods.find(name);
  return found == methods.end() ? nullptr : &found->second;
}

std::vector<double> ode_grid(int64_t points, double shift) {
  SVG_CHECK(points >= 2, ErrorCode::kInvalidArgument, "[ode] a grid of ", points, " points, at least 2 are needed");
  const at::Tensor grid = shift_times(at::linspace(0, 1, points, at::kFloat), shift).to(at::kDouble);
  return {grid.const_data_ptr<double>(), grid.const_data_ptr<double>() + points};
}

std::vector<double> ode_model_times(const ButcherTableau& method, const std::vector<double>& grid) {
  std::vector<double> times;
  for (size_t i = 0; i + 1 < grid.size(); ++i) {
    for (const double node : method.nodes) times.push_back(stage_time(grid[i], grid[i + 1], node));
  }
  return times;
}

at::Tensor ode_solve(const ButcherTableau& method, const std::vector<double>& grid, const at::Tensor& noise,
                     const VelocityFn& velocity, const ProgressFn& on_step) {
  at::Tensor y = noise.to(at::kFloat);
  int64_t evaluation = 0;
  for (size_t i = 0; i + 1 < grid.size(); ++i) {
    const double dt = static_cast<float>(grid[i + 1]) - static_cast<float>(grid[i]);
    std::vector<at::Tensor> k;
    for (size_t stage = 0; stage < method.nodes.size(); ++stage) {
      at::Tensor state = y;
      for (size_t j = 0; j < stage; ++j) {
        const double weight = method.coupling[stage][j];
        if (weight != 0) state = state + (dt * weight) * k[j];
      }
      const double t = stage_time(grid[i], grid[i + 1], method.nodes[stage]);
      k.push_back(velocity(state, t, evaluation++).to(at::kFloat));
      SVG_CHECK(k.back().sizes() == y.sizes(), ErrorCode::kInternal, "[ode] velocity ", k.back().sizes(),
                " for a state ", y.sizes());
    }
    for (size_t stage = 0; stage < k.size(); ++stage) {
      if (method.weights[stage] != 0) y = y + (dt * method.weights[stage]) * k[stage];
    }
    if (on_step) on_step({static_cast<int64_t>(i) + 1, static_cast<int64_t>(grid.size()) - 1, grid[i + 1]});
  }
  return y;
}

}  // namespace svg
