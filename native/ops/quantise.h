// Operations that end in 8-bit rows, or begin with what such rows gave: fused on the CPU.
#pragma once

#include <ATen/ATen.h>

#include "core/int8.h"
#include "ops/modulate.h"

namespace svg {

/// x (T, dim) fp32 or bf16, on the CPU.
QuantisedRows quantised(const at::Tensor& x);
/// (values - 128) * scale, fp32.
at::Tensor dequantised(const QuantisedRows& rows);

/// rms_norm(x) * w (ops/modulate.h).
QuantisedRows quantised_rms_norm(const at::Tensor& x, const RowWeights& weights, double eps);

/// silu(scale * gate) * (scale * up): gate and up (T, hidden) fp32 as unscaled_product() gives them, scale (T).
QuantisedRows quantised_swiglu(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& scale);
/// The same with gelu's tanh approximation.
QuantisedRows quantised_geglu(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& scale);

/// x (T, dim) fp32 times scale (T), plus bias (dim) or undefined; in place, returns x.
at::Tensor scale_rows(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& bias = {});

// The same in ATen operations, which the kernels are held against.
QuantisedRows quantised_reference(const at::Tensor& x);
QuantisedRows quantised_rms_norm_reference(const at::Tensor& x, const RowWeights& weights, double eps);
QuantisedRows quantised_swiglu_reference(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& scale);
QuantisedRows quantised_geglu_reference(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& scale);

}  // namespace svg
