#include "diffusion/guidance.h"

#include <charconv>

#include "core/error.h"

namespace svg {
namespace {

template <typename Number>
Number parse_part(std::string_view text, const std::string& name) {
  Number value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec == std::errc() && result.ptr == text.data() + text.size() && value >= 0) return value;
  throw Error(ErrorCode::kInvalidArgument,
              concat("guidance schedule \"", name, "\": \"", text, "\" is no number from 0 on"),
              "One of: constant, late, linear, early-T (early-0.3), cfg_star-SKIP-RATIO (cfg_star-1-0)");
}

}  // namespace

GuidanceSchedule GuidanceSchedule::parse(const std::string& name) {
  GuidanceSchedule schedule;
  if (name == "constant") return schedule;
  const std::string early = "early-", star = "cfg_star-";
  const std::string_view text = name;
  if (name == "late") {
    schedule.kind = Kind::kLate;
  } else if (name == "linear") {
    schedule.kind = Kind::kLinear;
  } else if (name.starts_with(early)) {
    schedule.kind = Kind::kEarly;
    schedule.threshold = parse_part<double>(text.substr(early.size()), name);
  } else if (const size_t dash = name.find('-', star.size()); name.starts_with(star) && dash != std::string::npos) {
    schedule.kind = Kind::kStar;
    schedule.skip = parse_part<int64_t>(text.substr(star.size(), dash - star.size()), name);
    schedule.ratio = parse_part<double>(text.substr(dash + 1), name);
  } else {
    throw Error(ErrorCode::kInvalidArgument, "unknown guidance schedule \"" + name + "\"",
                "One of: constant, late, linear, early-T (early-0.3), cfg_star-SKIP-RATIO (cfg_star-1-0)");
  }
  return schedule;
}

double Guidance::scale_at(const SolverTime& when) const {
  if (!active(when.t)) return 1;
  SVG_CHECK(!schedule.counts_steps() || when.steps > 0, ErrorCode::kInvalidArgument,
            "this guidance schedule counts steps, which the solver cannot tell in advance");
  const double done = when.steps > 0 ? static_cast<double>(when.step + 1) / static_cast<double>(when.steps) : 0;
  switch (schedule.kind) {
    case GuidanceSchedule::Kind::kLate: return done > 0.5 ? scale : 1;
    case GuidanceSchedule::Kind::kEarly: return when.t > schedule.threshold ? scale : 1;
    case GuidanceSchedule::Kind::kLinear: return 1 + (scale - 1) * done;
    case GuidanceSchedule::Kind::kConstant:
    case GuidanceSchedule::Kind::kStar: break;
  }
  return scale;
}

Guidance Guidance::at(const SolverTime& when) const {
  Guidance guidance = *this;
  guidance.scale = scale_at(when);
  guidance.schedule = {};
  return guidance;
}

std::optional<double> Guidance::unconditional_alone(const SolverTime& when) const {
  if (schedule.kind != GuidanceSchedule::Kind::kStar || when.step >= schedule.skip || !active(when.t)) return {};
  return -schedule.ratio;
}

GuidanceNeeds Guidance::needs(const SolverTime& when) const {
  if (const auto factor = unconditional_alone(when)) return {false, *factor != 0};
  return {true, at(when).needs_unconditional(when.t)};
}

bool Guidance::can_need_unconditional() const {
  const bool star = schedule.kind == GuidanceSchedule::Kind::kStar && schedule.skip > 0 && schedule.ratio != 0;
  return from < until && (scale != 1.0 || star);
}

bool Guidance::needs_unconditional(double t) const { return active(t) && scale != 1.0; }

bool Guidance::shortens_conditional(double t) const {
  return active(t) && scale == 1.0 && mode == GuidanceMode::kRenorm && renorm > 0 && renorm < 1;
}

GuidanceMode guidance_mode(const std::string& name) {
  if (name == "standard") return GuidanceMode::kStandard;
  if (name == "renorm") return GuidanceMode::kRenorm;
  throw Error(ErrorCode::kInvalidArgument, "unknown guidance mode \"" + name + "\"", "One of: renorm, standard");
}

at::Tensor guided_velocity(const at::Tensor& conditional, const at::Tensor& unconditional, const Guidance& guidance) {
  const at::Tensor guided = unconditional + guidance.scale * (conditional - unconditional);
  if (guidance.mode == GuidanceMode::kStandard || guidance.renorm <= 0) return guided;
  const at::Tensor limit = conditional.norm() * guidance.renorm;
  return guided * (limit / (guided.norm() + 1e-12)).clamp_max(1.0);
}

at::Tensor step_velocity(const at::Tensor& conditional, const at::Tensor& unconditional, const Guidance& guidance,
                         const SolverTime& when) {
  if (const auto factor = guidance.unconditional_alone(when)) return *factor * unconditional;
  const Guidance now = guidance.at(when);
  if (now.needs_unconditional(when.t)) return guided_velocity(conditional, unconditional, now);
  if (now.shortens_conditional(when.t)) return guided_velocity(conditional, conditional, now);
  return conditional.contiguous();
}

}  // namespace svg
