// Group norm and SiLU in one: the step before every convolution of the decoder. Source: arXiv 1803.08494.
#pragma once

#include <ATen/ATen.h>

#include "ops/layers.h"

namespace svg {

/// silu(norm(x)), x (B, C, h, w); computed in fp32, returned in x's dtype and layout. Fused, with its gradient, on a
/// CPU where x lies channels-last.
at::Tensor group_norm_silu(const GroupNorm& norm, const at::Tensor& x);
at::Tensor group_norm_silu_reference(const GroupNorm& norm, const at::Tensor& x);

/// What the norm does to the channels of one image: (x - mean) * scale + norm.bias, each (C), fp32.
struct ChannelNorm {
  at::Tensor mean, scale;
};

/// image (C, h, w), on a CPU in fp32 or bf16, its channels side by side in memory.
ChannelNorm norm_of_channels(const GroupNorm& norm, const at::Tensor& image);

}  // namespace svg
