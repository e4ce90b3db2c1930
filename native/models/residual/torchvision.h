// The residual branch of SVG's own autoencoder: torchvision's VisionTransformer with learned positions, and a small
// head that gives a few channels per patch. Sources: arXiv 2510.15301 (branch), arXiv 2010.11929 (transformer).
#pragma once

#include <ATen/ATen.h>

#include "models/kinds.h"
#include "models/vit/vit.h"

namespace svg {

struct TorchvisionResidualConfig {
  VitConfig vit;
  int64_t output_dim = 8;

  /// Keys of vit_from_json() or torchvision's own (image_size, patch_size, num_layers, num_heads, hidden_dim, mlp_dim),
  /// and output_dim. What is absent is as published. Throws Error(kInvalidConfig).
  static TorchvisionResidualConfig from_json(const Json& json);
  /// From names and shapes; heads of 48 channels, as published, where `num_heads` is 0. Throws Error(kWeightsMismatch).
  static TorchvisionResidualConfig infer(const Weights& weights, int64_t num_heads = 0);
};

class TorchvisionResidual : public VisionEncoder {
 public:
  /// From weights under the model's own names: with_torchvision_names().
  TorchvisionResidual(const Weights& weights, const TorchvisionResidualConfig& config);

  int64_t channels() const override { return output_dim_; }
  /// For other grids than the stored one, which is all that torchvision takes, the positions are interpolated.
  at::Tensor features(const at::Tensor& image, const Cells& cells) const override;

  /// image (B, 3, h * patch, w * patch), ImageNet-normalised -> (B, output_dim, h * w), patches row-major, fp32.
  at::Tensor operator()(const at::Tensor& image) const;

 private:
  int64_t output_dim_;
  Vit vit_;
  Linear head_in_, head_out_;
};

/// A file's weights, of whatever version of torchvision, as layers of "weight" and "bias".
Weights with_torchvision_names(const Weights& weights);

/// The catalogue's entry.
ResidualKind torchvision_residual_kind();

}  // namespace svg
