// The pre-norm transformer block that vision transformers share; where its parameters stand differs from file to file.
//
// B batch, T tokens, C width.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/weights.h"
#include "models/vit/activation.h"
#include "ops/layers.h"

namespace svg {

/// Names of a block's parameters below "blocks.N" or what stands for it.
struct VitBlockNames {
  std::string norm1, norm2;
  std::vector<std::string> qkv;  // one layer of all three, or one of each
  std::string proj;
  std::string fc1, fc2;
  std::string gate_up, down;   // SwiGLU: the rows of the gate, then as many of what it opens
  std::string scale1, scale2;  // layer scales

  /// "attn.qkv", "mlp.fc1", "ls1.gamma" and so on: the names of facebookresearch's files and of timm.
  static VitBlockNames published();
};

struct VitBlockConfig {
  int64_t width = 768;
  int64_t num_heads = 12;
  int64_t ffn_hidden = 3072;
  bool gated = false;  // SwiGLU in place of the MLP
  Activation activation = Activation::kGelu;
  bool qkv_bias = true;
  double norm_eps = 1e-6;
  std::optional<double> layer_scale;  // what fresh layer scales begin with; none: the block has none
  Init init = Init::xavier_uniform();
};

class VitBlock {
 public:
  /// Turns queries or keys (B, T, heads, C / heads) by their positions.
  using Rotate = std::function<at::Tensor(const at::Tensor& heads)>;

  VitBlock(const Weights& weights, const VitBlockConfig& config, const VitBlockNames& names);

  /// x (B, T, C) fp32, the sum of the layers so far -> the same with this block's part. The parts are computed in
  /// `dtype`, so that bf16 rounds each of them once and not the whole sum each time.
  at::Tensor operator()(const at::Tensor& x, at::ScalarType dtype, const Rotate& rotate = nullptr) const;

 private:
  at::Tensor attend(const at::Tensor& x, const Rotate& rotate) const;
  at::Tensor feed_forward(const at::Tensor& x) const;

  VitBlockConfig config_;
  LayerNorm norm1_, norm2_;
  std::vector<Linear> qkv_;
  Linear proj_;
  Linear in_, out_;  // of the feed-forward part
  at::Tensor scale1_, scale2_;
};

}  // namespace svg
