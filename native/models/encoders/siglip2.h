// The vision tower of SigLIP and SigLIP2 at fixed resolution, as a frozen encoder: every patch after the last norm,
// before the pooling head. Source: arXiv 2502.14786, google/siglip2-*.
//
// Read under transformers' names, with or without "vision_model." before them; a text tower beside it is left alone.
#pragma once

#include "models/vit/kind.h"

namespace svg::siglip2 {

bool recognise(const Weights& weights);

/// {"arch": "siglip2-base-patch16-256" or another published name}, or the keys of vit_from_json(). Throws
/// Error(kInvalidConfig).
VitConfig from_json(const Json& json);
/// From names and shapes, and the config.json beside them (its vision_config in that of the whole model), null where
/// there is none. Throws Error(kWeightsMismatch), also for the variable-resolution models (NaFlex).
VitConfig infer(const Weights& weights, const Json& model_config = {}, int64_t heads = 0);

/// What files hold beside the encoder: pooling head, text tower, the logits' scale and bias.
bool is_spare(const std::string& name);

std::unique_ptr<Vit> build(const Weights& weights, const VitConfig& config);

/// The catalogue's entry.
EncoderKind kind();

}  // namespace svg::siglip2
