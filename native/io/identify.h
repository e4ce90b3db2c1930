// What a state dict is, told from its names and shapes.
#pragma once

#include <string>

#include "io/checkpoint.h"

namespace svg {

struct Identity {
  /// "next-dit", "autoencoder", "dinov3", "gemma-2", "lpips", "feature-statistics", "optimizer", "values" or "unknown";
  /// of other libraries "diffusers", "adapter", "timm", "quantized", "distributed-piece".
  std::string kind;
  /// For people: "NextDiT 2B (2,611,246,336 parameters)".
  std::string description;
  /// What to do with a file that cannot be loaded as it is; empty for others.
  std::string way_out = {};
};

Identity identify(const Checkpoint& checkpoint);

/// open_checkpoint for weights that a model is to be made of, without wrappers (io/wrappers.h). Throws as it does, and
/// kWeightsMismatch for a file in another library's form or of quantised numbers, naming it and the way out. `wanted`
/// is for the message: "a diffusion transformer".
std::shared_ptr<Checkpoint> open_model(const std::string& path, const std::string& wanted,
                                       const CheckpointOptions& options = {});

int64_t count_parameters(const Checkpoint& checkpoint);

}  // namespace svg
