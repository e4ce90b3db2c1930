// DINOv3 weights come under two sets of names: those of the published .pth files and those of Hugging Face's
// facebook/dinov3-* repositories, where q, k and v are apart and the rotary periods are not stored.
#pragma once

#include <string>

#include "core/weights.h"

namespace svg {

/// Whether the names are Hugging Face's.
bool has_hugging_face_dinov3_names(const Weights& weights);

/// What stands before a block's number: "layer", or "model.layer" as transformers 5 has it in memory.
std::string hugging_face_dinov3_layers(const Weights& weights);

/// Throws Error(kWeightsMismatch) for the names of timm's files, which hold other parts.
void refuse_timm_dinov3_names(const Weights& weights);

/// `weights` itself where it has published names (or none that are known), else a view that translates.
Weights with_published_dinov3_names(const Weights& weights);

/// The same with zeros where published files mask a key's bias, whose numbers mean nothing.
Weights comparable_dinov3(const Weights& weights);

}  // namespace svg
