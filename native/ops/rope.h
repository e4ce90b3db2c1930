// Rotary position embedding over several axes, on interleaved pairs. Source: arXiv 2104.09864.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace svg {

/// Rotation of every token, fp32 (T, head_dim / 2).
struct Rope {
  at::Tensor cos, sin;

  Rope narrow(int64_t start, int64_t length) const {
    return {cos.narrow(0, start, length), sin.narrow(0, start, length)};
  }
};

/// positions (T, axes) int64; axes_dims: width of each axis, even, adding up to head_dim.
/// Frequencies in fp64, angles rounded to fp32 as the published tables are.
Rope rope_of_positions(const at::Tensor& positions, const std::vector<int64_t>& axes_dims, double theta = 10000.0);

Rope concat_ropes(const std::vector<Rope>& ropes);
Rope select_rope(const Rope& rope, const at::Tensor& rows);

/// Norms every head and rotates it. x (T, H, D), rows may be strided; weight (D), undefined: no norm.
/// Computed in fp32, returned contiguous in x's dtype.
at::Tensor norm_rotate_heads(const at::Tensor& x, const at::Tensor& weight, double eps, const Rope& rope);
at::Tensor norm_rotate_heads_reference(const at::Tensor& x, const at::Tensor& weight, double eps, const Rope& rope);

}  // namespace svg
