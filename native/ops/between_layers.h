// What stands between linear layers, given as the next of them takes it: plain in its dtype, or 8 bit.
#pragma once

#include "ops/layer_input.h"
#include "ops/layers.h"
#include "ops/modulate.h"

namespace svg {

/// rms_norm(x) * w (ops/modulate.h) for `next`.
LayerInput norm_for(const Linear& next, const at::Tensor& x, const RowWeights& weights, double eps);

struct NormedSum {
  at::Tensor sum;
  LayerInput normed;
};
/// residual_norm() (ops/residual_norm.h) for `next`.
NormedSum residual_norm_for(const Linear& next, const at::Tensor& x, const at::Tensor& y, const RowWeights& closing,
                            double eps, const at::Tensor& opening, double next_eps);

/// silu(gate(x)) * up(x) for `next`.
LayerInput swiglu_for(const Linear& next, const Linear& gate, const Linear& up, const LayerInput& x);

/// gelu(gate(x)) * up(x), by tanh, for `next`.
LayerInput geglu_for(const Linear& next, const Linear& gate, const Linear& up, const LayerInput& x);

}  // namespace svg
