// The residual branch of Autoencoder-R: a DeiT-S with learned ("mixed") 2-D rotary positions and a small head
// that gives a few channels per patch. Sources: arXiv 2510.15301 (branch), arXiv 2403.13298 (RoPE-Mixed).
//
// B batch, C embed_dim, N patches (h*w), T = 1 + N.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "core/json.h"
#include "core/weights.h"
#include "models/vit/block.h"
#include "ops/layers.h"

namespace svg {

constexpr int64_t kResidualHeadChannels = 64;  // of the published branch: files do not tell

struct ResidualVitConfig {
  int64_t img_size = 1024;  // square size of the stored positions
  int64_t patch_size = 16;
  int64_t embed_dim = 384;
  int64_t depth = 12;
  int64_t num_heads = 6;
  int64_t output_dim = 8;
  int64_t mlp_hidden = 1536;

  /// Keys: embed_dim, depth, num_heads, output_dim, img_size, patch_size, mlp_ratio or intermediate_size. Throws
  /// Error(kInvalidConfig).
  static ResidualVitConfig from_json(const Json& json);
  /// From names and shapes; heads of kResidualHeadChannels, `img_size` from the stored positions.
  /// Throws Error(kWeightsMismatch).
  static ResidualVitConfig infer(const Weights& weights);
};

class ResidualVit {
 public:
  ResidualVit(const Weights& weights, const ResidualVitConfig& config);

  const ResidualVitConfig& config() const { return config_; }

  /// image (B, 3, H, W), ImageNet-normalised -> (B, output_dim, N), patches row-major, fp32.
  /// Throws Error(kInvalidArgument) where H or W is no multiple of the patch.
  at::Tensor operator()(const at::Tensor& image) const;

 private:
  struct Positions {
    at::Tensor x, y;  // (N), fp32
  };

  Positions positions(int64_t rows, int64_t columns) const;

  ResidualVitConfig config_;
  Conv2d patch_embed_;
  at::Tensor cls_token_;
  at::Tensor freqs_;  // (2, depth, C/2): of x, of y
  Positions stored_;  // of an img_size square
  std::vector<VitBlock> blocks_;
  LayerNorm norm_;
  Linear head_in_, head_out_;
};

/// What published files hold beside the parameters: {"freqs_t_x", "freqs_t_y"}, the positions of an img_size square,
/// from which its size can be told.
TensorMap residual_vit_buffers(const ResidualVitConfig& config);

/// Start values that no plain initialiser gives: per head, frequencies along two perpendicular random directions.
/// Returns {"freqs": (2, depth, C/2)} for a TrainableSource.
TensorMap initial_residual_frequencies(const ResidualVitConfig& config, at::Generator generator);

}  // namespace svg
