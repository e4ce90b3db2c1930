// What the work of an engine stands on: its device, the models that were loaded, its place among processes.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <memory>

#include "core/error.h"
#include "distributed/process_group.h"
#include "engine/conditions.h"
#include "models/autoencoder.h"
#include "models/part.h"
#include "models/work.h"

namespace svg {

/// Normalises latents: (x - mean) / std per channel. Both (C, 1, 1), fp32, on the engine's device.
struct FeatureStatistics {
  at::Tensor mean, std;

  int64_t channels() const { return mean.size(0); }
  at::Tensor normalised(const at::Tensor& latent) const { return (latent - mean) / std; }
  at::Tensor unnormalised(const at::Tensor& latent) const { return latent * std + mean; }
};

struct EngineModels {
  at::Device device = at::kCPU;
  std::unique_ptr<Conditioner> text_encoder;
  std::unique_ptr<Conditioner> labels;  // of the last model with classes; needs no file
  std::unique_ptr<VelocityModel> velocity_model;
  std::function<Work(const VelocityLoad&)> velocity_work;  // of one evaluation of it; null: not counted
  std::unique_ptr<Autoencoder> autoencoder;
  std::unique_ptr<FeatureStatistics> statistics;
  ConditionCache conditions;
  std::unique_ptr<ProcessGroup> group;  // of a run of several processes; outlives the training that uses it
};

/// Throws Error(kNotLoaded) naming the part that a job needs.
template <typename Part>
Part& require(const std::unique_ptr<Part>& part, const char* name) {
  if (!part) throw Error(ErrorCode::kNotLoaded, concat("this needs the ", name, ", which was not loaded"));
  return *part;
}

/// What encodes for this kind of model. Classes need no file: theirs comes with the model. Throws Error(kNotLoaded)
/// without a text encoder.
Conditioner& conditioner_for(EngineModels& state, const ConditionKind& kind);

}  // namespace svg
