// A block of RAE's transformer: attention with rotary positions and a gated feed-forward layer, both modulated by the
// condition. Source: arXiv 2501.01423 (LightningDiT), modulated per token in the head (arXiv 2504.05741).
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "core/weights.h"
#include "ops/layers.h"
#include "ops/rope.h"

namespace svg {

/// Dimensions of one of the two parts.
struct RaeDitPart {
  int64_t width = 0, depth = 0, num_heads = 0;
  int64_t mlp_hidden = 0;  // of the gated layer, or of the plain one

  int64_t head_dim() const { return width / num_heads; }
};

/// What all blocks share.
struct RaeDitBlockOptions {
  bool qk_norm = false, swiglu = true, rms_norm = true, shift = true;
};

/// RMS norm with a weight, or a layer norm without; eps 1e-6.
class RaeDitNorm {
 public:
  RaeDitNorm() = default;
  RaeDitNorm(const Weights& weights, int64_t width, bool rms);
  /// x (..., width) fp32 -> the same.
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  int64_t width_ = 0;
  RmsNorm rms_;
  bool is_rms_ = true;
};

class RaeDitBlock {
 public:
  /// `name` is that of its weights below the model: "blocks.3".
  RaeDitBlock(const Weights& model, std::string name, const RaeDitPart& part, const RaeDitBlockOptions& options);

  const std::string& name() const { return name_; }

  /// x (B, N, width) fp32; condition (B, 1 or N, width); rope of N tokens, undefined cos: none. -> (B, N, width) fp32.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& condition, const Rope& rope) const;

 private:
  at::Tensor attend(const at::Tensor& x, const Rope& rope) const;
  at::Tensor feed_forward(const at::Tensor& x) const;
  at::Tensor rotated(const at::Tensor& heads, const Rope& rope, const RmsNorm& rms, const LayerNorm& layer) const;

  std::string name_;
  int64_t num_heads_;
  RaeDitBlockOptions options_;
  RaeDitNorm norm1_, norm2_;
  Linear qkv_, proj_, modulation_;
  Linear w12_, w3_;  // gated
  Linear fc1_, fc2_;
  RmsNorm q_rms_, k_rms_;
  LayerNorm q_layer_, k_layer_;
};

/// x * (1 + scale) + shift, which may be undefined.
at::Tensor rae_modulated(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale);

}  // namespace svg
