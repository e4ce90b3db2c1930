// The end of a branch and the begin of the next one in one pass over the rows: added to the stream, and normed again.
#pragma once

#include <ATen/ATen.h>

#include "ops/modulate.h"

namespace svg {

struct ResidualNorm {
  at::Tensor sum;     // (T, dim), in x's dtype: the stream
  at::Tensor normed;  // (T, dim), as `dtype`: what the next branch reads
};

/// sum = add_scaled_rms_norm(x, y, closing, eps) and normed = scaled_rms_norm(sum, opening, next_eps, dtype). x and y
/// (T, dim); `opening` (G, dim) fp32, whose rows are taken by the groups of `closing`.
ResidualNorm residual_norm(const at::Tensor& x, const at::Tensor& y, const RowWeights& closing, double eps,
                           const at::Tensor& opening, double next_eps, at::ScalarType dtype);
ResidualNorm residual_norm_reference(const at::Tensor& x, const at::Tensor& y, const RowWeights& closing, double eps,
                                     const at::Tensor& opening, double next_eps, at::ScalarType dtype);

}  // namespace svg
