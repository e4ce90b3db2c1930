// FID's Inception v3: the network of the weights of 2015-12-05, whose features distances between sets are defined by.
// Source: arXiv 1512.00567 (the network), 1706.08500 (FID); torch-fidelity 0.4.0 and pytorch-fid 0.3.0 (which variant).
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/weights.h"
#include "models/inception/mixed_block.h"

namespace svg {

struct InceptionFeatures {
  at::Tensor pool;     // (B, 2048): FID, KID, precision and recall
  at::Tensor logits;   // (B, 1008) without the bias: Inception Score
  at::Tensor spatial;  // (B, 2023): sFID; rows, columns and channels (17, 17, 7) of each picture
};

class Inception {
 public:
  static constexpr int64_t kSide = 299, kPool = 2048, kClasses = 1008, kSpatial = 17 * 17 * 7;

  /// Names of the published files of pytorch-fid and torch-fidelity (Conv2d_1a_3x3.conv.weight ... fc.bias).
  explicit Inception(const Weights& weights);

  /// What files may hold beside: counters of batch norms.
  static bool is_spare(const std::string& name);
  /// "FID's Inception v3 (1008 classes)", or that it is an Inception v3 of another kind; empty for other networks.
  static std::optional<std::string> recognise(const Weights& weights);
  /// Classes of the last layer of an Inception v3; 0 where the weights are of no such network.
  static int64_t classes_of(const Weights& weights);

  /// Called with the output of layers 64, 192 and 768 (named by their channels), (B, C, h, w).
  using Tap = std::function<void(const char* name, const at::Tensor& x)>;

  /// x (B, 3, 299, 299) as `inception_input` gives it -> features of each picture, fp32. Asks between blocks whether it
  /// was cancelled.
  InceptionFeatures operator()(const at::Tensor& x, const Tap& tap = {}) const;

  /// (1008), which torch-fidelity and ADM leave out of the Inception Score.
  const at::Tensor& logits_bias() const { return bias_; }
  at::Device device() const { return weight_.device(); }

 private:
  std::vector<FoldedConv> stem_;
  std::vector<MixedBlock> blocks_;
  at::Tensor weight_, bias_;  // of the last layer
};

/// Pictures uint8 (H, W, 3) of any sizes -> (B, 3, 299, 299) fp32 channels-last on the CPU: resized as TensorFlow 1
/// does (ops/tensorflow_resize.h), then (v - 128) / 128. Throws Error(kInvalidArgument) for another shape or type.
at::Tensor inception_input(const std::vector<at::Tensor>& pictures);

}  // namespace svg
