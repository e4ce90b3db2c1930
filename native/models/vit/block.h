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
  std::vector<std::string> gate_up;  // SwiGLU: one layer of the gate's rows and those of what it opens, or one of each
  std::string down;
  std::string scale1, scale2;      // layer scales
  std::string qkv_bias_mask = "";  // of a model that masks its key's bias

  /// "attn.qkv", "mlp.fc1", "ls1.gamma" and so on: the names of facebookresearch's files and of timm.
  static VitBlockNames published();
  /// "attention.attention.query" and "attention.output.dense", which transformers' files have for DINOv2 and MAE alike;
  /// or those of transformers 5 in memory, "attention.q_proj" and "attention.o_proj". All else as published.
  static VitBlockNames hugging_face(bool in_memory);
};

struct VitBlockConfig {
  int64_t width = 768;
  int64_t num_heads = 12;
  int64_t ffn_hidden = 3072;
  bool gated = false;  // SwiGLU in place of the MLP
  Activation activation = Activation::kGelu;
  bool qkv_bias = true, proj_bias = true, ffn_bias = true;
  bool mask_key_bias = false;  // the key's part of a joined bias counts as zero, where the weights hold no mask
  double norm_eps = 1e-6;
  std::optional<double> layer_scale;  // what fresh layer scales begin with; none: the block has none
  /// A scaled part is rounded before it is added, as its training did; else both are one operation.
  bool round_scaled = false;
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
  void load_qkv(const Weights& weights, const VitBlockNames& names);
  /// What goes into the last layer of the attention, and of the feed-forward part: (B, T, C) and (B, T, hidden).
  at::Tensor attend(const at::Tensor& x, const Rotate& rotate) const;
  at::Tensor hidden(const at::Tensor& x) const;
  at::Tensor added(const at::Tensor& sum, const Linear& layer, const at::Tensor& x, const at::Tensor& scale) const;

  VitBlockConfig config_;
  LayerNorm norm1_, norm2_;
  std::vector<Linear> qkv_;
  at::Tensor qkv_bias_, qkv_bias_mask_;  // where it is masked: whole, so that training keeps what the mask hides
  Linear proj_;
  std::vector<Linear> in_;  // of the feed-forward part
  Linear out_;
  at::Tensor scale1_, scale2_;
};

}  // namespace svg
