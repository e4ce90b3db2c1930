// What the catalogue's entries of vision transformers with added positions have in common.
#pragma once

#include "models/kinds.h"
#include "models/vit/vit.h"

namespace svg {

/// What differs from one to the next.
struct VitFamily {
  std::string label;  // for people: "DINOv2"
  std::function<bool(const Weights&)> recognise;
  std::function<VitConfig(const Json&)> from_json;
  /// `heads` counts where `model_config`, that of transformers, does not say how many there are; 0: the family's usual.
  std::function<VitConfig(const Weights&, const Json& model_config, int64_t heads)> infer;
  std::function<int64_t(int64_t width)> usual_heads;
  std::function<std::unique_ptr<Vit>(const Weights&, const VitConfig&)> build;
  std::function<TensorMap(const VitConfig&)> buffers;  // null: none
  std::function<Weights(const Weights&)> comparable;   // of EncoderKind
};

/// Fills recognise, from_json and infer of `kind`, whose name and presets stand already.
EncoderKind vit_kind(EncoderKind kind, const VitFamily& family);

}  // namespace svg
