// What a state dict is, told from its names and shapes.
#pragma once

#include <string>

#include "io/checkpoint.h"

namespace svg {

struct Identity {
  /// "next-dit", "autoencoder", "dinov3", "gemma-2", "lpips", "feature-statistics", "optimizer", "values" or "unknown".
  std::string kind;
  /// For people: "NextDiT 2B (2,611,246,336 parameters)".
  std::string description;
};

Identity identify(const Checkpoint& checkpoint);

int64_t count_parameters(const Checkpoint& checkpoint);

}  // namespace svg
