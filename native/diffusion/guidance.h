// Classifier-free guidance on velocities. Source: arXiv 2207.12598; renorm: Lumina-Image 2.0, arXiv 2503.21758.
#pragma once

#include <ATen/ATen.h>

#include <string>

namespace svg {

enum class GuidanceMode {
  kStandard,  // uncond + scale * (cond - uncond)
  kRenorm,    // the same, scaled down where its norm exceeds renorm * |cond|
};

struct Guidance {
  double scale = 4.0;
  GuidanceMode mode = GuidanceMode::kRenorm;
  double from = 0.0;  // guidance at from <= t < until (t = 0 is noise), the conditional velocity alone elsewhere
  double until = 100.0;
  double renorm = 1.0;  // 0: no renorm

  bool active(double t) const { return t >= from && t < until; }
  /// Whether the unconditional velocity changes the result at time t. A scale of 1 leaves it out of every mode.
  bool needs_unconditional(double t) const;
  /// Whether renorm scales down the conditional velocity alone at time t: a scale of 1 under a limit below its norm.
  bool shortens_conditional(double t) const;
};

/// "standard" or "renorm"; throws Error(kInvalidArgument).
GuidanceMode guidance_mode(const std::string& name);

/// Velocity of one sample from its two velocities (same shape, norms over all elements).
at::Tensor guided_velocity(const at::Tensor& conditional, const at::Tensor& unconditional, const Guidance& guidance);

}  // namespace svg
