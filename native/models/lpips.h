// Learned perceptual distance on VGG-16 features. Source: arXiv 1801.03924 (LPIPS, version 0.1).
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <vector>

#include "core/weights.h"

namespace svg {

class Lpips {
 public:
  /// What files hold beside: the classifier of torchvision's vgg16, constants, and the layers' copies of the lpips
  /// package.
  static bool is_spare(const std::string& name);

  /// `net`: VGG-16 under LPIPS' names (net.slice1.0.weight, ...) or torchvision's (features.0.weight, ...);
  /// `lin`: lin0.model.1.weight to lin4.model.1.weight. Often one and the same file.
  Lpips(const Weights& net, const Weights& lin);
  explicit Lpips(const Weights& weights) : Lpips(weights, weights) {}

  /// a, b (B, 3, H, W) in [-1, 1], at least 16x16 -> distance (B), without dropout. Differentiable in both.
  at::Tensor operator()(const at::Tensor& a, const at::Tensor& b) const;

 private:
  struct Layer {
    at::Tensor weight, bias;
  };
  using Features = std::array<at::Tensor, 5>;  // after each slice: (B, channels, h, w)

  Features features(const at::Tensor& image) const;

  std::array<std::vector<Layer>, 5> slices_;  // a 2x2 max pooling before each but the first
  std::array<at::Tensor, 5> lin_;             // (1, channels, 1, 1)
};

}  // namespace svg
