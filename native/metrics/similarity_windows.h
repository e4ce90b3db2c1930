// The structural similarity at every 11 x 11 window of two pictures, and its mean.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <cstdint>

namespace svg {

constexpr int64_t kSimilarityWindow = 11;

/// Of each of three channels, the mean over all windows.
struct SimilarityMeans {
  std::array<double, 3> ssim;      // luminance times contrast and structure
  std::array<double, 3> contrast;  // contrast and structure alone
};

/// Of two pictures (H, W, 3), both uint8 or both fp64 in levels of 0 to 255, sides from kSimilarityWindow on; in fp64,
/// over the windows that lie inside. Window: gaussian of deviation 1.5; variances biased; K1 0.01, K2 0.03.
SimilarityMeans similarity_means(const at::Tensor& a, const at::Tensor& b);

}  // namespace svg
