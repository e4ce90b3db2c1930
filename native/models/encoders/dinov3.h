// DINOv3 vision transformer: the frozen encoder. Source: arXiv 2508.10104, facebookresearch/dinov3.
//
// B batch, C embed_dim, h x w patches (image / 16), P = 1 + storage tokens before the patches, T = P + h*w.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "core/json.h"
#include "core/weights.h"
#include "models/kinds.h"
#include "models/vit/block.h"
#include "ops/layers.h"

namespace svg {

struct Dinov3Config {
  enum class Ffn { kMlp, kSwiglu };

  int64_t patch_size = 16;
  int64_t embed_dim = 384;
  int64_t depth = 12;
  int64_t num_heads = 6;
  Ffn ffn = Ffn::kSwiglu;
  int64_t ffn_hidden = 1536;
  Activation activation = Activation::kSilu;  // of the gate, or of the MLP; published: SiLU and GELU
  bool qkv_bias = true, proj_bias = true, ffn_bias = true;
  bool mask_k_bias = true;  // the key bias counts as zero
  int64_t storage_tokens = 4;
  bool untie_cls_and_patch_norms = false;  // class and storage tokens have a final norm of their own
  double norm_eps = 1e-5;
  double rope_base = 100;  // used where the weights hold no periods

  /// The keys of the public constructor: embed_dim, depth, num_heads, ffn_layer, ffn_ratio, ...; or {"arch": preset}.
  /// Throws Error(kInvalidConfig).
  static Dinov3Config from_json(const Json& json);
  /// Read from the tensors' names and shapes, and under Hugging Face's names from the config.json beside them, null
  /// where there is none: heads, rope_theta, activation, eps. Throws Error(kWeightsMismatch) where they are no DINOv3
  /// ViT or contradict each other, Error(kInvalidConfig) for what this model does not do.
  static Dinov3Config infer(const Weights& weights, const Json& model_config = {});
  /// Whether infer() finds the same from weights under published names alone.
  bool told_by_weights() const;
  /// "vits16", "vits16plus", "vitb16", "vitl16", "vitl16plus", "vith16plus", "vit7b16", with or without "dinov3_".
  /// Throws Error(kInvalidConfig) naming the known ones.
  static Dinov3Config preset(const std::string& name);
};

/// All after the final norm, fp32.
struct Dinov3Features {
  at::Tensor cls;      // (B, C)
  at::Tensor storage;  // (B, storage tokens, C)
  at::Tensor patches;  // (B, h*w, C), row-major
};

class Dinov3 : public VisionEncoder {
 public:
  /// `weights` under published or Hugging Face names (see dinov3_names.h).
  Dinov3(const Weights& weights, const Dinov3Config& config);

  const Dinov3Config& config() const { return config_; }

  /// What published files hold beside the parameters that are used here, by name below the encoder.
  static bool is_spare(const std::string& name);

  int64_t channels() const override { return config_.embed_dim; }
  at::Tensor features(const at::Tensor& image, const Cells& cells) const override;

  /// image (B, 3, H, W), ImageNet-normalised. Throws Error(kInvalidArgument) where H or W is no multiple of 16.
  Dinov3Features operator()(const at::Tensor& image) const;

 private:
  struct Rotation {
    at::Tensor cos, sin;  // (h*w, head_dim), fp32
  };

  Rotation rotation(int64_t rows, int64_t columns) const;

  Dinov3Config config_;
  Conv2d patch_embed_;
  at::Tensor cls_token_, storage_tokens_;
  at::Tensor periods_;  // (head_dim / 4)
  std::vector<VitBlock> blocks_;
  LayerNorm norm_, cls_norm_;
};

/// What published files hold beside the parameters: {"rope_embed.periods": (head_dim / 4)}. Goes into fresh weights, so
/// that the number of heads can be told from them.
TensorMap dinov3_buffers(const Dinov3Config& config);

/// The entry of the catalogue.
EncoderKind dinov3_kind();

}  // namespace svg
