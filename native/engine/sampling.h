// From prepared conditions to latents: one solver run over a batch of pictures.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <vector>

#include "diffusion/sampler.h"
#include "models/part.h"

namespace svg {

/// Called after each solver step. `predicted` are the data that the last velocities point to, (C, h, w) fp32 each:
/// what a preview shows.
using SampleStepFn = std::function<void(const SolverProgress& progress, const std::vector<at::Tensor>& predicted)>;

/// Velocities that the model computed for one picture.
struct ModelEvaluations {
  int64_t conditional = 0;
  int64_t unconditional = 0;  // 0 without guidance
};

struct SampledLatents {
  std::vector<at::Tensor> latents;
  std::vector<ModelEvaluations> evaluations;  // of each picture
  double model_seconds = 0;  // spent in the model; the rest of the time is the solver's and the caller's
};

/// Integrates the guided velocity from `noise` (one (C, h, w) fp32 per picture, on the model's device) to latents of
/// the same shapes. The pictures of a batch do not see each other; an adaptive solver, whose step size would
/// couple them, takes one at a time. Throws Error(kNumeric) where the result is not finite.
SampledLatents sample_latents(const VelocityModel& model, const std::vector<GuidedItem>& items,
                              const Guidance& guidance, const SamplerOptions& solver,
                              const std::vector<at::Tensor>& noise, const SampleStepFn& on_step = {});

}  // namespace svg
