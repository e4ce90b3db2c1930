// Products with the weights of linear layers, and with them what follows: on the CPU one kernel in fp32 where nothing
// is trained (kernels/product.h), ATen's operations elsewhere.
#pragma once

#include <ATen/ATen.h>

namespace svg {

/// weight (out, in); bias (out), or undefined.
struct LayerTensors {
  at::Tensor weight, bias;
};

/// x (..., in) -> x W^T + bias, (..., out).
at::Tensor layer_product(const at::Tensor& x, const LayerTensors& layer);
at::Tensor layer_product_reference(const at::Tensor& x, const LayerTensors& layer);

/// silu(gate(x)) * up(x), (..., out). Both layers are of one shape.
at::Tensor gated_product(const at::Tensor& x, const LayerTensors& gate, const LayerTensors& up);
at::Tensor gated_product_reference(const at::Tensor& x, const LayerTensors& gate, const LayerTensors& up);

/// sum + part * scale, rounded once; scale (out), or undefined.
at::Tensor scaled_sum(const at::Tensor& sum, const at::Tensor& part, const at::Tensor& scale);

/// scaled_sum() of layer(x) in fp32: sum (..., out) fp32; scale (out), or undefined.
at::Tensor added_product(const at::Tensor& sum, const at::Tensor& x, const LayerTensors& layer,
                         const at::Tensor& scale);
at::Tensor added_product_reference(const at::Tensor& sum, const at::Tensor& x, const LayerTensors& layer,
                                   const at::Tensor& scale);

}  // namespace svg
