// DINOv3 as the original computes it: one operation after the other.
#pragma once

#include <ATen/ATen.h>

#include "core/weights.h"
#include "models/encoders/dinov3.h"

namespace svg {

/// image (1, 3, H, W), ImageNet-normalised -> patch features (1, h*w, embed_dim) fp32, on the weights of a Dinov3 with
/// SwiGLU.
at::Tensor plain_encode(const Weights& weights, const Dinov3Config& config, const at::Tensor& image);

}  // namespace svg
