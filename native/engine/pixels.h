// Between pictures in 8 bits and images in [-1, 1].
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

namespace svg {

/// (3, H, W) in about [-1, 1] to (H, W, 3) uint8 on the CPU: floor(255 clamp((x + 1) / 2, 0, 1)), as the original.
at::Tensor to_pixels(const at::Tensor& image);

/// Throws Error(kInvalidArgument) for what is no uint8 (H, W, 3); `name` names it.
void check_pixels(const at::Tensor& pixels, const std::string& name);

/// (H, W, 3) uint8 to (3, H, W) fp32 in [-1, 1]. Throws as check_pixels does.
at::Tensor from_pixels(const at::Tensor& pixels, const std::string& name);

/// Pictures of one size, (H, W, 3) uint8 each, as a batch (B, 3, H, W) fp32 in [-1, 1] on `device`. They travel as
/// bytes, a quarter of the numbers that they become there.
at::Tensor from_pixels(const std::vector<at::Tensor>& pictures, at::Device device);

}  // namespace svg
