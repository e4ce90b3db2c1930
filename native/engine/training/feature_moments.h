// Mean and deviation of every latent channel over a dataset.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace svg {

class FeatureMoments {
 public:
  /// (C, h, w); all with one C.
  void add(const at::Tensor& latent);
  int64_t images() const { return images_; }
  /// Writes {"mean", "std"}, (1, C) fp32 each, the deviation unbiased. Returns C. Throws Error(kInvalidArgument) for
  /// fewer than two positions.
  int64_t save(const std::string& path) const;

 private:
  at::Tensor mean_, squares_;  // (C) fp64: running mean, and sum of squared differences from it
  int64_t positions_ = 0, images_ = 0;
};

}  // namespace svg
