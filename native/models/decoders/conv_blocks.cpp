#include "models/decoders/conv_blocks.h"

#include <cmath>

#include "ops/attention.h"
#include "ops/conv3x3.h"
#include "ops/group_norm.h"

namespace svg {
namespace {

constexpr double kDecoderNormEps = 1e-6;

/// One head over all positions: q, k, v (B, C, h, w) -> (B, C, h*w).
at::Tensor attend_reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(1)));
  const at::Tensor scores = at::bmm(q.flatten(2).transpose(1, 2), k.flatten(2)) * scale;  // (B, queries, keys)
  return at::bmm(v.flatten(2), scores.softmax(2).transpose(1, 2));
}

}  // namespace

GroupNorm decoder_norm(const Weights& weights, int64_t channels) {
  return GroupNorm(weights, channels, kDecoderGroups, kDecoderNormEps);
}
Conv2d decoder_conv1x1(const Weights& weights, int64_t in, int64_t out) { return Conv2d(weights, in, out, 1); }
Conv2d decoder_conv3x3(const Weights& weights, int64_t in, int64_t out) { return Conv2d(weights, in, out, 3, 1, 1); }

at::Tensor norm_swish(const GroupNorm& norm, const at::Tensor& x, ConvOperations operations) {
  if (operations == ConvOperations::kReference) {
    const at::Tensor normed = norm(x);
    return normed * normed.sigmoid();
  }
  return group_norm_silu(norm, x);
}

at::Tensor doubled_conv(const Conv2d& conv, const at::Tensor& x, ConvOperations operations) {
  return operations == ConvOperations::kReference ? doubled_conv3x3_reference(conv, x) : doubled_conv3x3(conv, x);
}

DecoderResBlock::DecoderResBlock(const Weights& weights, int64_t in, int64_t out)
    : norm1(decoder_norm(weights.scope("norm1"), in)),
      norm2(decoder_norm(weights.scope("norm2"), out)),
      conv1(decoder_conv3x3(weights.scope("conv1"), in, out)),
      conv2(decoder_conv3x3(weights.scope("conv2"), out, out)) {
  if (in != out) shortcut = decoder_conv1x1(weights.scope("nin_shortcut"), in, out);
}

at::Tensor DecoderResBlock::operator()(const at::Tensor& x, ConvOperations operations) const {
  const auto kept = [&] { return shortcut.weight.defined() ? shortcut(x) : x; };
  if (operations == ConvOperations::kFast) {
    at::Tensor hidden = norm_silu_conv3x3(norm1, x, conv1);
    return norm_silu_conv3x3(norm2, std::move(hidden), conv2, kept());
  }
  // Step by step, so that nothing outlives its use: at the pixels' level each of these is large.
  at::Tensor hidden = norm_swish(norm1, x, operations);
  hidden = conv1(hidden);
  hidden = norm_swish(norm2, hidden, operations);
  hidden = conv2(hidden);
  return kept() + hidden;
}

DecoderAttnBlock::DecoderAttnBlock(const Weights& weights, int64_t channels)
    : norm(decoder_norm(weights.scope("norm"), channels)),
      q(decoder_conv1x1(weights.scope("q"), channels, channels)),
      k(decoder_conv1x1(weights.scope("k"), channels, channels)),
      v(decoder_conv1x1(weights.scope("v"), channels, channels)),
      proj_out(decoder_conv1x1(weights.scope("proj_out"), channels, channels)) {}

at::Tensor DecoderAttnBlock::operator()(const at::Tensor& x, ConvOperations operations) const {
  const at::Tensor normed = norm(x);
  if (operations == ConvOperations::kReference) {
    const at::Tensor queries = q(normed);  // in this order: it is the order in which gradients are summed
    const at::Tensor keys = k(normed);
    const at::Tensor values = v(normed);
    return x + proj_out(attend_reference(queries, keys, values).view(x.sizes()));
  }
  const auto tokens = [](const at::Tensor& map) {  // (B, C, h, w) -> (B, h*w, 1 head, C)
    return map.flatten(2).transpose(1, 2).unsqueeze(2);
  };
  const at::Tensor out = attention(tokens(q(normed)), tokens(k(normed)), tokens(v(normed)));
  // (B, h*w, C) seen as (B, C, h, w) is in the layout of x already.
  return x + proj_out(out.squeeze(2).view({x.size(0), x.size(2), x.size(3), -1}).permute({0, 3, 1, 2}));
}

}  // namespace svg
