#include "diffusion/sampler.h"

#include <cmath>

#include "core/error.h"
#include "diffusion/ode.h"

namespace svg {
namespace {

constexpr int64_t kMaxSteps = 10000;

bool is_dpm(const std::string& name) { return name == "dpm++"; }

std::string parse_name(const std::string& name) {
  if (name == "dpm" || name == "dpmsolver++") return "dpm++";
  if (is_dpm(name) || find_fixed_method(name) || find_adaptive_method(name)) return name;
  throw Error(ErrorCode::kInvalidArgument, "unknown solver \"" + name + "\"",
              "known solvers: dpm++, euler, midpoint, heun (heun2), heun3, rk4, dopri5, bosh3, fehlberg2, "
              "adaptive_heun");
}

bool parse_singlestep(const std::string& method) {
  if (method == "multistep") return false;
  if (method == "singlestep") return true;
  throw Error(ErrorCode::kInvalidArgument, "unknown solver method \"" + method + "\"",
              "known methods of dpm++: multistep, singlestep");
}

double finite(const Json& json, const char* key, double fallback) {
  const double value = json.get_double(key, fallback);
  SVG_CHECK(std::isfinite(value), ErrorCode::kInvalidArgument, "solver option ", key, " is ", value);
  return value;
}

}  // namespace

SamplerOptions SamplerOptions::from_json(const Json& json) {
  SamplerOptions options;
  options.name = parse_name(json.get_string("name", options.name));
  options.dpm.steps = json.get_int("steps", options.dpm.steps);
  options.dpm.order = json.get_int("order", options.dpm.order);
  options.dpm.singlestep = parse_singlestep(json.get_string("method", "multistep"));
  options.dpm.spacing = parse_time_spacing(json.get_string("skip_type", "time_uniform_flow"));
  options.dpm.shift = finite(json, "shift", options.dpm.shift);
  options.tolerance.absolute = finite(json, "atol", options.tolerance.absolute);
  options.tolerance.relative = finite(json, "rtol", options.tolerance.relative);

  const int64_t least = is_dpm(options.name) || options.adaptive() ? 1 : 2;  // a grid has two ends
  SVG_CHECK(options.dpm.steps >= least && options.dpm.steps <= kMaxSteps, ErrorCode::kInvalidArgument, "steps is ",
            options.dpm.steps, ", solver ", options.name, " takes ", least, " to ", kMaxSteps);
  SVG_CHECK(options.dpm.order >= 1 && options.dpm.order <= 3, ErrorCode::kInvalidArgument, "order is ",
            options.dpm.order, ", must be 1, 2 or 3");
  SVG_CHECK(options.dpm.shift > 0, ErrorCode::kInvalidArgument, "shift is ", options.dpm.shift, ", must be positive");
  SVG_CHECK(options.tolerance.absolute >= 0 && options.tolerance.relative >= 0 &&
                options.tolerance.absolute + options.tolerance.relative > 0,
            ErrorCode::kInvalidArgument, "atol and rtol must not be negative nor both zero");
  return options;
}

std::vector<double> model_times(const SamplerOptions& options) {
  if (is_dpm(options.name)) return dpm_model_times(options.dpm);
  if (options.adaptive()) return {};
  return ode_model_times(*find_fixed_method(options.name), ode_grid(options.dpm.steps, options.dpm.shift));
}

at::Tensor sample(const SamplerOptions& options, const at::Tensor& noise, const VelocityFn& velocity,
                  const ProgressFn& on_step) {
  if (is_dpm(options.name)) return dpm_solve(options.dpm, noise, velocity, on_step);
  if (const AdaptiveMethod* method = find_adaptive_method(options.name)) {
    return adaptive_solve(*method, options.tolerance, noise, velocity, on_step);
  }
  const ButcherTableau* method = find_fixed_method(options.name);
  SVG_CHECK(method, ErrorCode::kInvalidArgument, "unknown solver \"", options.name, "\"");
  return ode_solve(*method, ode_grid(options.dpm.steps, options.dpm.shift), noise, velocity, on_step);
}

}  // namespace svg
