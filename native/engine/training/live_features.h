// Features of images and captions from the frozen encoders, while training runs or a cache is written.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "core/weights.h"

namespace svg {

struct EngineState;

/// The named job tensors, uint8 (H, W, 3) each -> latents (C, H / cell, W / cell) fp32, not normalised. Images of one
/// size go through the encoder together, in the order given. Throws Error(kNotLoaded) without an autoencoder.
std::vector<at::Tensor> encode_images(const EngineState& state, const TensorMap& tensors,
                                      const std::vector<std::string>& names);

/// The named job tensors, token ids (L) each -> caption features (L, D) fp32. Throws Error(kNotLoaded) without a text
/// encoder.
std::vector<at::Tensor> encode_captions(const EngineState& state, const TensorMap& tensors,
                                        const std::vector<std::string>& names);

}  // namespace svg
