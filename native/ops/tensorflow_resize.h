// Resizing pictures of any size to a square as TensorFlow 1 did it, which FID's numbers were defined with.
#pragma once

#include <ATen/ATen.h>

namespace svg {

/// picture uint8 (H, W, 3) -> (side, side, 3) fp32, 0 to 255 and not rounded: bilinear between the neighbours at
/// i * in / side, the upper one clamped; no antialiasing. On the CPU. Source: resize_bilinear of TensorFlow 1.
/// Throws Error(kInvalidArgument) for other shapes or types.
at::Tensor tensorflow_resize(const at::Tensor& picture, int64_t side);

/// The same, then (v + shift) * factor, into `out` (side, side, 3) fp32 contiguous.
void tensorflow_resize_into(const at::Tensor& picture, const at::Tensor& out, double shift, double factor);

/// tensorflow_resize in plain ATen.
at::Tensor tensorflow_resize_reference(const at::Tensor& picture, int64_t side);

}  // namespace svg
