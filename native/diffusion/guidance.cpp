#include "diffusion/guidance.h"

#include "core/error.h"

namespace svg {

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

}  // namespace svg
