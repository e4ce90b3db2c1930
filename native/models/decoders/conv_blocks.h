// What the convolutional decoders are built of: residual blocks, attention over all positions, group norm with SiLU.
// Source: arXiv 2112.10752.
#pragma once

#include <ATen/ATen.h>

#include "core/weights.h"
#include "ops/layers.h"

namespace svg {

/// kReference takes the reference's own operations, one by one: what the fast ones are held against.
enum class ConvOperations { kFast, kReference };

/// Channels are normed in groups of so many, and must be a multiple of it.
inline constexpr int64_t kDecoderGroups = 32;

GroupNorm decoder_norm(const Weights& weights, int64_t channels);
Conv2d decoder_conv1x1(const Weights& weights, int64_t in, int64_t out);
Conv2d decoder_conv3x3(const Weights& weights, int64_t in, int64_t out);

/// silu(norm(x)), x (B, C, h, w).
at::Tensor norm_swish(const GroupNorm& norm, const at::Tensor& x, ConvOperations operations);

/// conv of x with every pixel doubled: (B, C, h, w) -> (B, out, 2h, 2w).
at::Tensor doubled_conv(const Conv2d& conv, const at::Tensor& x, ConvOperations operations);

/// x (B, in, h, w) -> (B, out, h, w).
struct DecoderResBlock {
  GroupNorm norm1, norm2;
  Conv2d conv1, conv2, shortcut;  // shortcut where the width changes

  DecoderResBlock(const Weights& weights, int64_t in, int64_t out);
  at::Tensor operator()(const at::Tensor& x, ConvOperations operations) const;
};

/// One head over all positions; x (B, C, h, w), returned in the same shape.
struct DecoderAttnBlock {
  GroupNorm norm;
  Conv2d q, k, v, proj_out;

  DecoderAttnBlock(const Weights& weights, int64_t channels);
  at::Tensor operator()(const at::Tensor& x, ConvOperations operations) const;
};

}  // namespace svg
