// Which model a state dict is of: any kind of the catalogue, or one that stands beside it.
#pragma once

#include <optional>
#include <string>

#include "core/weights.h"

namespace svg {

/// What a state dict is, told from its names and shapes.
struct RecognisedModel {
  std::string kind;  // name of an entry, or "autoencoder", "inception", "lpips", or "unknown" for another library's
  std::string description;  // "SVG autoencoder P, 384 channels, encoder DINOv3 vits16plus"
};

/// Empty where no entry knows it.
std::optional<RecognisedModel> recognise_model(const Weights& weights);

}  // namespace svg
