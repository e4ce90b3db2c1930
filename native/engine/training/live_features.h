// Features of images and conditions from the frozen encoders, while training runs or a cache is written.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "core/weights.h"
#include "engine/conditions.h"

namespace svg {

struct EngineModels;

/// The named job tensors, uint8 (H, W, 3) each -> latents (C, H / cell, W / cell) fp32, not normalised. Images of one
/// size go through the encoder together, in the order given. Throws Error(kNotLoaded) without an autoencoder.
std::vector<at::Tensor> encode_images(const EngineModels& state, const TensorMap& tensors,
                                      const std::vector<std::string>& names);

/// What these inputs condition a model on: features (L, D) fp32 of captions, or class numbers (1) int64. Throws
/// Error(kNotLoaded) for captions without a text encoder.
std::vector<at::Tensor> encode_conditions(EngineModels& state, const ConditionKind& kind,
                                          const std::vector<ConditionInput>& inputs);

}  // namespace svg
