// Pictures as encoders want them.
#pragma once

#include <ATen/ATen.h>

#include <array>

#include "models/part.h"

namespace svg {

/// (B, 3, H, W) in [-1, 1] -> ((x + 1) / 2 - mean) / deviation per channel, fp32. Throws Error(kInvalidArgument) for
/// another shape.
at::Tensor normalised_picture(const at::Tensor& image, const std::array<double, 3>& mean,
                              const std::array<double, 3>& deviation);

/// With the mean and deviation of ImageNet.
at::Tensor imagenet_normalised(const at::Tensor& image);

/// The picture in the size of which patches of `patch` pixels give `cells`: as it is where that is its own, else
/// resized (bicubic without antialiasing, as the reference resizes for patches of 14 pixels). Throws
/// Error(kInvalidArgument) for no cells.
at::Tensor patches_as_cells(const at::Tensor& image, const Cells& cells, int64_t patch);

}  // namespace svg
