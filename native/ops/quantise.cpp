#include "ops/quantise.h"

#include <limits>

#include "core/error.h"
#include "kernels/int8.h"
#include "ops/fused.h"

namespace svg {
namespace {

constexpr double kLargest = 127;

QuantisedRows empty_rows(int64_t rows, int64_t dim) {
  return {at::empty({rows, dim}, at::kByte), at::empty({rows}, at::kFloat)};
}

cpu::ByteRows byte_rows(const QuantisedRows& rows) {
  return {rows.values.mutable_data_ptr<uint8_t>(), rows.scale.mutable_data_ptr<float>()};
}

void check_rows(const at::Tensor& x) {
  SVG_CHECK(x.is_cpu() && x.dim() == 2 && fits_kernel(x), ErrorCode::kInternal, "[int8] rows of ", x.sizes(), ", ",
            x.scalar_type(), " on ", x.device());
}

void check_gated(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& scale) {
  for (const at::Tensor* x : {&gate, &up}) {
    check_rows(*x);
    SVG_CHECK(x->scalar_type() == at::kFloat, ErrorCode::kInternal, "[int8] gated rows of ", x->scalar_type());
  }
  SVG_CHECK(gate.sizes() == up.sizes() && scale.sizes() == at::IntArrayRef{gate.size(0)} && fits_parameter(scale),
            ErrorCode::kInternal, "[int8] gates ", gate.sizes(), ", ", up.sizes(), ", scales ", scale.sizes());
}

}  // namespace

QuantisedRows quantised(const at::Tensor& x) {
  check_rows(x);
  QuantisedRows out = empty_rows(x.size(0), x.size(1));
  cpu::quantise_rows(kernel_rows(x), byte_rows(out), x.size(0), x.size(1));
  return out;
}

at::Tensor dequantised(const QuantisedRows& rows) {
  return (rows.values.to(at::kFloat) - static_cast<double>(kInt8Zero)) * rows.scale.unsqueeze(1);
}

QuantisedRows quantised_rms_norm(const at::Tensor& x, const RowWeights& weights, double eps) {
  check_rows(x);
  const bool grouped = weights.group.defined();
  SVG_CHECK(weights.rows.dim() == 2 && weights.rows.size(1) == x.size(1) && fits_parameter(weights.rows) &&
                (grouped ? weights.group.numel() == x.size(0) && weights.group.scalar_type() == at::kInt
                         : weights.rows.size(0) == 1),
            ErrorCode::kInternal, "[int8] rows ", x.sizes(), ", weights ", weights.rows.sizes());
  QuantisedRows out = empty_rows(x.size(0), x.size(1));
  cpu::quantised_rms_norm(kernel_rows(x), weights.rows.const_data_ptr<float>(),
                          grouped ? weights.group.const_data_ptr<int32_t>() : nullptr, static_cast<float>(eps),
                          byte_rows(out), x.size(0), x.size(1));
  return out;
}

QuantisedRows quantised_swiglu(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& scale) {
  check_gated(gate, up, scale);
  QuantisedRows out = empty_rows(gate.size(0), gate.size(1));
  cpu::quantised_swiglu(kernel_rows(gate), kernel_rows(up), scale.const_data_ptr<float>(), byte_rows(out), gate.size(0),
                        gate.size(1));
  return out;
}

QuantisedRows quantised_geglu(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& scale) {
  check_gated(gate, up, scale);
  QuantisedRows out = empty_rows(gate.size(0), gate.size(1));
  cpu::quantised_geglu(kernel_rows(gate), kernel_rows(up), scale.const_data_ptr<float>(), byte_rows(out), gate.size(0),
                       gate.size(1));
  return out;
}

at::Tensor scale_rows(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& bias) {
  check_rows(x);
  const at::Tensor addend = bias.defined() ? bias.to(at::kFloat).contiguous() : bias;
  cpu::scale_rows(kernel_rows(x), scale.const_data_ptr<float>(),
                  bias.defined() ? addend.const_data_ptr<float>() : nullptr, x.size(0), x.size(1));
  return x;
}

QuantisedRows quantised_reference(const at::Tensor& x) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor largest = wide.numel() == 0 ? at::zeros({x.size(0)}) : wide.abs().amax({1});
  const at::Tensor zeros = largest < kLargest * std::numeric_limits<float>::min();
  const at::Tensor inverse = at::where(zeros, at::zeros_like(largest), kLargest / largest);
  const at::Tensor whole = at::round(wide * inverse.unsqueeze(1)).nan_to_num(0) + static_cast<double>(kInt8Zero);
  const at::Tensor scale = at::where(zeros, at::zeros_like(largest), largest / kLargest);
  return {whole.to(at::kByte), at::where(largest.isfinite(), scale, at::full_like(scale, NAN))};
}

QuantisedRows quantised_rms_norm_reference(const at::Tensor& x, const RowWeights& weights, double eps) {
  return quantised_reference(scaled_rms_norm_reference(x, weights, eps, at::kFloat));
}

QuantisedRows quantised_swiglu_reference(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& scale) {
  return quantised_reference(at::silu(gate * scale.unsqueeze(1)) * (up * scale.unsqueeze(1)));
}

QuantisedRows quantised_geglu_reference(const at::Tensor& gate, const at::Tensor& up, const at::Tensor& scale) {
  return quantised_reference(at::gelu(gate * scale.unsqueeze(1), "tanh") * (up * scale.unsqueeze(1)));
}

}  // namespace svg
