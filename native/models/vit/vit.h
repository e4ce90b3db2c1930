// A vision transformer with added positions: what DINOv2, SigLIP2, MAE and the residual branch of SVG are, each with
// its own names and settings. (DINOv3, whose positions are rotations, shares its block alone.) Source: arXiv
// 2010.11929.
//
// B batch, C width, P tokens before the patches (class, registers), h x w patches, T = P + h * w.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/weights.h"
#include "models/part.h"
#include "models/vit/block.h"
#include "models/vit/positions.h"
#include "ops/layers.h"

namespace svg {

/// Where the parameters stand. What a model has none of is empty.
struct VitNames {
  std::string patches;  // of the convolution, without ".weight"
  std::string class_token, registers;
  std::string positions;
  std::string blocks;  // "blocks" where the first is "blocks.0"
  std::string norm;
  VitBlockNames block;
  std::string before_number = "";  // "block_" where the first is "blocks.block_0"

  /// The block's name.
  std::string block_name(int64_t i) const { return blocks + "." + before_number + std::to_string(i); }

  /// Those of facebookresearch's files: "patch_embed.proj", "pos_embed", "blocks" and so on.
  static VitNames published();
  /// Those that transformers has for DINOv2 and MAE alike, of files or in memory as the weights have them.
  static VitNames hugging_face(const Weights& weights);
};

struct VitConfig {
  std::string model;  // for messages: "dinov2"
  int64_t patch_size = 16;
  VitBlockConfig block;
  int64_t depth = 12;
  int64_t position_side = 14;            // the stored positions are those of this square
  int64_t registers = 0;                 // between class token and patches, without positions
  std::optional<PositionResize> resize;  // none: plain
  bool fixed_positions = false;          // sine-cosine ones: a buffer
  bool whole_patches = true;             // refuses sides that are no multiples of a patch; else the rest goes unread
  std::array<double, 3> pixel_mean = {0.485, 0.456, 0.406};  // of pixels in [0, 1]; ImageNet's
  std::array<double, 3> pixel_deviation = {0.229, 0.224, 0.225};
  /// Whether the last LayerNorm has its weight and bias: RAE leaves them out, though files hold them.
  bool norm_affine = true;
};

class Vit : public VisionEncoder {
 public:
  Vit(const Weights& weights, const VitConfig& config, const VitNames& names);

  const VitConfig& config() const { return config_; }
  int64_t channels() const override { return config_.block.width; }
  int64_t prefix_tokens() const { return prefix_; }

  at::Tensor features(const at::Tensor& image, const Cells& cells) const override;

  /// image (B, 3, h * patch, w * patch), normalised -> (B, T, C) after the last norm, fp32: class token, registers,
  /// patches row-major. Throws Error(kInvalidArgument) for sides that are no multiples of the patch, where the model
  /// wants whole ones, and for less than one patch.
  at::Tensor tokens(const at::Tensor& image) const;

 private:
  VitConfig config_;
  int64_t prefix_ = 0;
  Conv2d patches_;
  at::Tensor class_token_, registers_;
  at::Tensor positions_;  // as stored: the class token's first where there is one, then side * side
  std::vector<VitBlock> blocks_;
  LayerNorm norm_;
};

/// Sizes under the keys of the public constructors (embed_dim, depth, num_heads, mlp_ratio, img_size, patch_size) or of
/// transformers' config.json (hidden_size, num_hidden_layers, num_attention_heads, intermediate_size, image_size,
/// hidden_act, layer_norm_eps). What is absent stays as in `config`. Throws Error(kInvalidConfig).
VitConfig vit_from_json(const Json& json, VitConfig config);

/// Fixed positions as files store them, under the model's name for them: (1, 1 + side * side, C), the class token's
/// zero. Empty for a model that learns them.
TensorMap vit_buffers(const VitConfig& config, const VitNames& names);

/// `config` with what names and shapes tell: sizes, depth, registers, layer scales, gate; not the heads. Throws
/// Error(kWeightsMismatch).
VitConfig infer_vit(const Weights& weights, VitConfig config, const VitNames& names);

/// `config` as infer_vit() gave it, with what transformers' config.json beside the weights adds: activation, eps, and
/// the heads, which are `heads` where it does not say. Throws Error(kWeightsMismatch) where it contradicts the weights
/// or the width cannot be cut into its heads.
VitConfig with_model_config(const Weights& weights, VitConfig config, const Json& json, int64_t heads);

}  // namespace svg
