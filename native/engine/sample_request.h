// A `sample` job as it was asked for: read and checked, nothing computed yet.
#pragma once

#include <string>
#include <vector>

#include "core/request.h"
#include "diffusion/sampler.h"
#include "engine/conditions.h"
#include "engine/models.h"

namespace svg {

struct SampleItem {
  int64_t seed = 0;
  Cells cells;
  size_t condition = 0, unconditional = 0;  // indices of the inputs
};

struct SampleRequest {
  SamplerOptions solver;
  Guidance guidance;
  std::optional<StepCache> step_cache;
  std::vector<SampleItem> items;
  std::vector<ConditionInput> inputs;  // what the items are conditioned on
  int64_t preview_every = 0;           // 0: none
  bool return_latents = false, return_decoded = false;

  /// {"solver": SamplerOptions::from_request, "guidance": {"scale", "mode", "from"?, "until", "renorm", "schedule"},
  /// "stepCache"?: {"threshold", "rescale"}, "items": [{"seed", "width", "height", "prompt" and "negative", or
  /// "class"}], "previewEvery", "returnLatents", "returnDecoded"} with tensors tokens.N (ids without padding), to which
  /// "prompt" and "negative" point. Throws Error(kNotLoaded) for a part that is missing, Error(kInvalidArgument) for
  /// what the models cannot draw.
  static SampleRequest read(const EngineModels& models, const Request& request, const TensorMap& tensors);

  /// What goes through the models together.
  VelocityLoad load(const VelocityModel& model) const;

  /// Tokens of all latents: what the job adds to a batch. Throws as read().
  static int64_t image_tokens(const EngineModels& models, const Request& request);
};

/// Of a job: {"scale", "mode", "from"?, "until", "renorm", "schedule"}. Throws Error(kInvalidArgument).
Guidance guidance_from_request(const Request& request);

}  // namespace svg
