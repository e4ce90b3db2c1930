#include "diffusion/sampler.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "diffusion/adaptive_ode.h"
#include "diffusion/dpm_solver.h"
#include "diffusion/ode.h"

namespace svg {
namespace {

constexpr int64_t kMaxSteps = 10000;

std::vector<SolverKind> all_solvers() {
  std::vector<SolverKind> kinds = {dpm_solver()};
  for (const auto& family : {fixed_solvers(), adaptive_solvers()}) {
    kinds.insert(kinds.end(), family.begin(), family.end());
  }
  return kinds;
}

std::string known_solvers() {
  std::string names;
  for (const SolverKind& kind : solver_kinds()) {
    names += (names.empty() ? "" : ", ") + kind.name;
    for (const std::string& alias : kind.aliases) names += " (" + alias + ")";
  }
  return names;
}

bool parse_singlestep(const std::string& method) {
  if (method == "multistep") return false;
  if (method == "singlestep") return true;
  throw Error(ErrorCode::kInvalidArgument, "unknown solver method \"" + method + "\"",
              "known methods of dpm++: multistep, singlestep");
}

void check_solver_range(const SamplerOptions& options) {
  const SolverKind& kind = options.kind();
  SVG_CHECK(options.steps >= kind.least_steps && options.steps <= kMaxSteps, ErrorCode::kInvalidArgument, "steps is ",
            options.steps, ", solver ", options.name, " takes ", kind.least_steps, " to ", kMaxSteps);
  SVG_CHECK(options.order >= 1 && options.order <= 3, ErrorCode::kInvalidArgument, "order is ", options.order,
            ", must be 1, 2 or 3");
  SVG_CHECK(std::isfinite(options.shift) && options.shift > 0, ErrorCode::kInvalidArgument, "shift is ", options.shift,
            ", must be positive");
  const double absolute = options.tolerance.absolute, relative = options.tolerance.relative;
  SVG_CHECK(
      std::isfinite(absolute) && std::isfinite(relative) && absolute >= 0 && relative >= 0 && absolute + relative > 0,
      ErrorCode::kInvalidArgument, "atol and rtol must not be negative nor both zero");
  SVG_CHECK(options.start >= 0 && options.start < 1, ErrorCode::kInvalidArgument, "start is ", options.start,
            ", must be from 0 (noise) to below 1 (data)");
  SVG_CHECK(options.end > 0 && options.end <= 1, ErrorCode::kInvalidArgument, "end is ", options.end,
            ", must be above 0 and at most 1");
}

}  // namespace

const std::vector<SolverKind>& solver_kinds() {
  static const std::vector<SolverKind> kinds = all_solvers();
  return kinds;
}

const SolverKind& find_solver(const std::string& name) {
  for (const SolverKind& kind : solver_kinds()) {
    if (kind.name == name || std::find(kind.aliases.begin(), kind.aliases.end(), name) != kind.aliases.end()) {
      return kind;
    }
  }
  throw Error(ErrorCode::kInvalidArgument, "unknown solver \"" + name + "\"", "known solvers: " + known_solvers());
}

Json solver_rows() {
  Json rows = Json::array();
  for (const SolverKind& kind : solver_kinds()) {
    Json fields = Json::array();
    for (const std::string& field : kind.fields) fields.push_back(field);
    rows.push_back(Json::object()
                       .set("name", kind.name)
                       .set("title", kind.title)
                       .set("family", solver_family_name(kind.family))
                       .set("fields", std::move(fields))
                       .set("shift", kind.usual_shift)
                       .set("leastSteps", kind.least_steps)
                       .set("stages", kind.stages));
  }
  return rows;
}

SamplerOptions SamplerOptions::from_json(const Json& json) {
  SamplerOptions options;
  options.name = find_solver(json.get_string("name", options.name)).name;
  options.steps = json.get_int("steps", options.steps);
  options.order = json.get_int("order", options.order);
  options.singlestep = parse_singlestep(json.get_string("method", "multistep"));
  const std::string spacing = json.get_string("skip_type", "time_uniform_flow");
  options.spacing = parse_time_spacing(json.get_string("skipType", spacing));
  options.shift = json.get_double("shift", options.shift);
  options.tolerance.absolute = json.get_double("atol", options.tolerance.absolute);
  options.tolerance.relative = json.get_double("rtol", options.tolerance.relative);
  options.start = json.get_double("start", options.start);
  options.end = json.get_double("end", options.end);
  check_solver_range(options);
  return options;
}

SamplerOptions SamplerOptions::from_request(const Request& request) {
  SamplerOptions options;
  options.name = find_solver(request.at("name").as_string()).name;
  options.steps = request.at("steps").as_int();
  options.order = request.at("order").as_int();
  options.singlestep = parse_singlestep(request.at("method").as_string());
  options.spacing = parse_time_spacing(request.at("skipType").as_string());
  options.shift = request.at("shift").as_double();
  options.tolerance.absolute = request.at("atol").as_double();
  options.tolerance.relative = request.at("rtol").as_double();
  if (const Request* start = request.find("start")) options.start = start->as_double();
  if (const Request* end = request.find("end")) options.end = end->as_double();
  check_solver_range(options);
  return options;
}

std::vector<double> model_times(const SamplerOptions& options) { return options.kind().model_times(options); }

SolverRun start_run(const SamplerOptions& options, const at::Tensor& state, const StepFn& on_step) {
  SolverRun run = options.kind().run(options, state, on_step);
  run.begin();
  return run;
}

at::Tensor sample(const SamplerOptions& options, const at::Tensor& state, const VelocityFn& velocity,
                  const StepFn& on_step) {
  SolverRun run = start_run(options, state, on_step);
  while (const VelocityQuery* asked = run.pending()) run.resume(velocity(asked->x, asked->when));
  return run.result();
}

}  // namespace svg
