#include "ops/layer_product.h"

#include <ATen/Parallel.h>

#include "kernels/product.h"
#include "ops/fused.h"
#include "ops/swiglu.h"

namespace svg {
namespace {

bool is_plain_float(const at::Tensor& tensor) { return tensor.is_cpu() && tensor.scalar_type() == at::kFloat; }

/// One number an output, or none.
bool fits_outputs(const at::Tensor& numbers, int64_t out) {
  return !numbers.defined() || (is_plain_float(numbers) && numbers.is_contiguous() && numbers.numel() == out);
}

bool fits_layer(const LayerTensors& layer) {
  const at::Tensor& weight = layer.weight;
  return is_plain_float(weight) && weight.dim() == 2 && weight.numel() > 0 && weight.stride(1) == 1 &&
         fits_outputs(layer.bias, weight.size(0)) && !records_grad({weight, layer.bias});
}

bool fits_product(const at::Tensor& x, const LayerTensors& layer) {
  return is_plain_float(x) && x.dim() > 0 && fits_layer(layer) && x.size(-1) == layer.weight.size(1) && x.numel() > 0 &&
         !records_grad({x});
}

/// (rows, in), elements of a row next to each other.
at::Tensor as_rows(const at::Tensor& x) {
  const at::Tensor rows = x.reshape({-1, x.size(-1)});
  return rows.stride(1) == 1 ? rows : rows.contiguous();
}

std::vector<int64_t> result_sizes(const at::Tensor& x, int64_t out) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = out;
  return sizes;
}

at::Tensor empty_result(const at::Tensor& x, int64_t out) { return at::empty(result_sizes(x, out), x.options()); }

cpu::LayerWeights kernel_layer(const LayerTensors& layer) {
  return {layer.weight.const_data_ptr<float>(), layer.bias.defined() ? layer.bias.const_data_ptr<float>() : nullptr,
          layer.weight.stride(0)};
}

cpu::Product product_of(const at::Tensor& rows, const LayerTensors& layer, const at::Tensor& y) {
  const int64_t out = layer.weight.size(0);
  return {.x = rows.const_data_ptr<float>(),
          .x_stride = rows.stride(0),
          .layer = kernel_layer(layer),
          .y = y.data_ptr<float>(),
          .y_stride = out,
          .rows = rows.size(0),
          .in = rows.size(1),
          .out = out};
}

}  // namespace

at::Tensor scaled_sum(const at::Tensor& sum, const at::Tensor& part, const at::Tensor& scale) {
  return scale.defined() ? at::addcmul(sum, part.to(at::kFloat), scale) : sum + part.to(at::kFloat);
}

at::Tensor layer_product_reference(const at::Tensor& x, const LayerTensors& layer) {
  return at::linear(x, layer.weight, layer.bias);
}

at::Tensor layer_product(const at::Tensor& x, const LayerTensors& layer) {
  if (!fits_product(x, layer)) return layer_product_reference(x, layer);
  const at::Tensor rows = as_rows(x), y = empty_result(x, layer.weight.size(0));
  cpu::product(product_of(rows, layer, y), at::get_num_threads());
  return y;
}

at::Tensor gated_product_reference(const at::Tensor& x, const LayerTensors& gate, const LayerTensors& up) {
  return swiglu_reference(layer_product_reference(x, gate), layer_product_reference(x, up));
}

at::Tensor gated_product(const at::Tensor& x, const LayerTensors& gate, const LayerTensors& up) {
  const bool fits = fits_product(x, gate) && fits_layer(up) && up.weight.sizes() == gate.weight.sizes();
  if (!fits) {
    const at::Tensor opened = layer_product(x, gate);
    return swiglu(opened, layer_product(x, up));
  }
  const at::Tensor rows = as_rows(x), y = empty_result(x, gate.weight.size(0));
  cpu::Product product = product_of(rows, gate, y);
  product.up = kernel_layer(up);
  cpu::product(product, at::get_num_threads());
  return y;
}

at::Tensor added_product_reference(const at::Tensor& sum, const at::Tensor& x, const LayerTensors& layer,
                                   const at::Tensor& scale) {
  return scaled_sum(sum, layer_product_reference(x, layer), scale);
}

at::Tensor added_product(const at::Tensor& sum, const at::Tensor& x, const LayerTensors& layer,
                         const at::Tensor& scale) {
  const int64_t out = layer.weight.size(0);
  const bool fits = fits_product(x, layer) && is_plain_float(sum) && sum.is_contiguous() && fits_outputs(scale, out) &&
                    sum.sizes().equals(result_sizes(x, out)) && !records_grad({sum, scale});
  if (!fits) return scaled_sum(sum, layer_product(x, layer), scale);
  const at::Tensor rows = as_rows(x), y = at::empty(sum.sizes(), sum.options());
  cpu::Product product = product_of(rows, layer, y);
  product.residual = sum.const_data_ptr<float>();
  if (scale.defined()) product.scale = scale.const_data_ptr<float>();
  cpu::product(product, at::get_num_threads());
  return y;
}

}  // namespace svg
