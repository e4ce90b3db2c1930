// PatchGAN discriminator: a grid of real/fake logits. Source: arXiv 1611.07004 (pix2pix).
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "core/weights.h"
#include "ops/layers.h"

namespace svg {

struct PatchDiscriminatorConfig {
  int64_t ndf = 64;      // channels of the first layer
  int64_t n_layers = 3;  // halvings

  /// From names and shapes. Throws Error(kWeightsMismatch).
  static PatchDiscriminatorConfig infer(const Weights& weights);
};

class PatchDiscriminator {
 public:
  /// Published names main.N.*. Running statistics may be absent: they start at 0 and 1.
  PatchDiscriminator(const Weights& weights, const PatchDiscriminatorConfig& config = {});

  /// image (B, 3, H, W) -> logits (B, 1, h, w). `training`: normalise by the batch and update the running statistics
  /// (momentum 0.1); otherwise by the running ones.
  at::Tensor operator()(const at::Tensor& image, bool training) const;

  /// "main.N.running_mean" and "main.N.running_var".
  TensorMap running_statistics() const;

 private:
  struct Layer {
    int64_t index;  // N of main.N
    Conv2d conv;
    at::Tensor norm_weight, norm_bias, running_mean, running_var;  // undefined in the first and the last layer
  };
  std::vector<Layer> layers_;
};

}  // namespace svg
