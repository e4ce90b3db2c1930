// Classifier-free guidance on velocities. Source: arXiv 2207.12598; renorm: Lumina-Image 2.0, arXiv 2503.21758.
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <string>

#include "diffusion/velocity.h"

namespace svg {

enum class GuidanceMode {
  kStandard,  // uncond + scale * (cond - uncond)
  kRenorm,    // the same, scaled down where its norm exceeds renorm * |cond|
};

/// How the scale changes on the way from noise to data. Source: shiml20/SVG rectified_flow/rectified_flow.py;
/// zero-init: CFG-Zero*, arXiv 2503.18886.
struct GuidanceSchedule {
  enum class Kind {
    kConstant,  // the scale at every step
    kLate,      // 1 in the first half of the steps
    kEarly,     // "early-T": 1 until t exceeds T (the original's name, although the early steps are the plain ones)
    kLinear,    // from 1 to the scale, reached with the last step
    kStar,      // "cfg_star-SKIP-RATIO": the first SKIP steps take -RATIO times the unconditional velocity
  };
  Kind kind = Kind::kConstant;
  double threshold = 0;  // of kEarly
  int64_t skip = 0;      // of kStar
  double ratio = 0;      // of kStar

  /// "constant", "late", "linear", "early-T" with T in [0, 1], "cfg_star-SKIP-RATIO". Throws Error(kInvalidArgument).
  static GuidanceSchedule parse(const std::string& name);
  /// Whether it asks how many steps there are, which an adaptive solver cannot tell.
  bool counts_steps() const { return kind == Kind::kLate || kind == Kind::kLinear || kind == Kind::kStar; }
};

/// Velocities that one evaluation computes.
struct GuidanceNeeds {
  bool conditional = true, unconditional = false;
};

struct Guidance {
  double scale = 4.0;
  GuidanceMode mode = GuidanceMode::kRenorm;
  double from = 0.0;  // guidance at from <= t < until (t = 0 is noise), the conditional velocity alone elsewhere
  double until = 100.0;
  double renorm = 1.0;  // 0: no renorm
  GuidanceSchedule schedule;

  /// The scale that the schedule gives at a step; 1 outside `from` to `until`.
  double scale_at(const SolverTime& when) const;
  /// The guidance of one step: what the schedule gives as its scale, and a constant schedule.
  Guidance at(const SolverTime& when) const;
  /// In the skipped steps of kStar: the factor of the unconditional velocity, which is all there is of the velocity.
  std::optional<double> unconditional_alone(const SolverTime& when) const;

  GuidanceNeeds needs(const SolverTime& when) const;
  /// Whether any step can ask for the unconditional velocity.
  bool can_need_unconditional() const;
  bool active(double t) const { return t >= from && t < until; }

  /// Whether the unconditional velocity changes the result at time t, whatever the schedule. A scale of 1 leaves it out
  /// of every mode.
  bool needs_unconditional(double t) const;
  /// Whether renorm scales down the conditional velocity alone at time t: a scale of 1 under a limit below its norm.
  bool shortens_conditional(double t) const;
};

/// "standard" or "renorm"; throws Error(kInvalidArgument).
GuidanceMode guidance_mode(const std::string& name);

/// Velocity of one sample from its two velocities (same shape, norms over all elements).
at::Tensor guided_velocity(const at::Tensor& conditional, const at::Tensor& unconditional, const Guidance& guidance);

/// The same at a step, from those of the two that Guidance::needs() names there; the other one is undefined.
at::Tensor step_velocity(const at::Tensor& conditional, const at::Tensor& unconditional, const Guidance& guidance,
                         const SolverTime& when);

}  // namespace svg
