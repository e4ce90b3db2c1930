// Root-mean-square norms whose weight depends on the row: the weight of adaLN is folded into the norm's.
#pragma once

#include <ATen/ATen.h>

namespace svg {

/// Weights of packed rows: row r takes rows[group[r]].
struct RowWeights {
  at::Tensor rows;   // (G, dim) fp32
  at::Tensor group;  // (T) int32; undefined where G = 1
};

/// rms_norm(x) * w: x (T, dim), computed in fp32, returned as `dtype`.
at::Tensor scaled_rms_norm(const at::Tensor& x, const RowWeights& weights, double eps, at::ScalarType dtype);

/// x + rms_norm(y) * w in x's dtype: the sandwich norm that closes a branch. x and y (T, dim).
at::Tensor add_scaled_rms_norm(const at::Tensor& x, const at::Tensor& y, const RowWeights& weights, double eps);

// The same in ATen operations: what autograd sees, and what the kernels are held against.
at::Tensor scaled_rms_norm_reference(const at::Tensor& x, const RowWeights& weights, double eps, at::ScalarType dtype);
at::Tensor add_scaled_rms_norm_reference(const at::Tensor& x, const at::Tensor& y, const RowWeights& weights,
                                         double eps);

}  // namespace svg
