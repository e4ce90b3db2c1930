#include "ops/modulate.h"

#include "core/error.h"
#include "ops/fused.h"
#include "ops/verified.h"

namespace svg {
namespace {

at::Tensor norm(const at::Tensor& x, double eps) {
  const at::Tensor wide = x.to(at::kFloat);
  return wide * (wide.square().mean(-1, /*keepdim=*/true) + eps).rsqrt();
}

at::Tensor of_rows(const RowWeights& weights) {
  return weights.group.defined() ? weights.rows.index_select(0, weights.group) : weights.rows;
}

void check(const at::Tensor& x, const RowWeights& weights) {
  SVG_CHECK(x.dim() == 2 && weights.rows.dim() == 2 && weights.rows.size(1) == x.size(1), ErrorCode::kInternal,
            "[modulate] rows ", x.sizes(), ", weights ", weights.rows.sizes());
  SVG_CHECK(weights.group.defined() ? weights.group.numel() == x.size(0) : weights.rows.size(0) == 1,
            ErrorCode::kInternal, "[modulate] ", weights.rows.size(0), " weight rows without groups of ", x.size(0));
}

bool fits(const at::Tensor& x, const RowWeights& weights) {
  return x.dim() == 2 && fits_kernel(x) && fits_parameter(weights.rows) &&
         (!weights.group.defined() || weights.group.scalar_type() == at::kInt);
}

const int32_t* groups(const RowWeights& weights) {
  return weights.group.defined() ? weights.group.const_data_ptr<int32_t>() : nullptr;
}

}  // namespace

at::Tensor scaled_rms_norm_reference(const at::Tensor& x, const RowWeights& weights, double eps, at::ScalarType dtype) {
  return (norm(x, eps) * of_rows(weights)).to(dtype);
}

at::Tensor add_scaled_rms_norm_reference(const at::Tensor& x, const at::Tensor& y, const RowWeights& weights,
                                         double eps) {
  return (x.to(at::kFloat) + norm(y, eps) * of_rows(weights)).to(x.scalar_type());
}

at::Tensor scaled_rms_norm(const at::Tensor& x, const RowWeights& weights, double eps, at::ScalarType dtype) {
  check(x, weights);
  if (records_grad({x, weights.rows}) || !fits(x, weights) || (dtype != at::kFloat && dtype != at::kBFloat16)) {
    return scaled_rms_norm_reference(x, weights, eps, dtype);
  }
  const at::Tensor out = at::empty(x.sizes(), x.options().dtype(dtype));
  const float* rows = weights.rows.const_data_ptr<float>();
  const float small = static_cast<float>(eps);
  if (x.is_cpu()) {
    cpu::scaled_rms_norm(kernel_rows(x), rows, groups(weights), small, kernel_rows(out), x.size(0), x.size(1));
    return out;
  }
  return verified(
      signature_of("scaled_rms_norm", {x, out, weights.group}),
      [&] {
        cuda::scaled_rms_norm(kernel_rows(x), rows, groups(weights), small, kernel_rows(out), x.size(0), x.size(1),
                              stream_of(x));
        return out;
      },
      [&] { return scaled_rms_norm_reference(x, weights, eps, dtype); });
}

at::Tensor add_scaled_rms_norm(const at::Tensor& x, const at::Tensor& y, const RowWeights& weights, double eps) {
  check(y, weights);
  SVG_CHECK(x.sizes() == y.sizes(), ErrorCode::kInternal, "[modulate] rows ", x.sizes(), ", branch ", y.sizes());
  if (records_grad({x, y, weights.rows}) || !fits(y, weights) || !fits_kernel(x)) {
    return add_scaled_rms_norm_reference(x, y, weights, eps);
  }
  const at::Tensor out = at::empty(x.sizes(), x.options());
  const float* rows = weights.rows.const_data_ptr<float>();
  const float small = static_cast<float>(eps);
  if (x.is_cpu()) {
    cpu::add_scaled_rms_norm(kernel_rows(x), kernel_rows(y), rows, groups(weights), small, kernel_rows(out), x.size(0),
                             x.size(1));
    return out;
  }
  return verified(
      signature_of("add_scaled_rms_norm", {x, y, weights.group}),
      [&] {
        cuda::add_scaled_rms_norm(kernel_rows(x), kernel_rows(y), rows, groups(weights), small, kernel_rows(out),
                                  x.size(0), x.size(1), stream_of(x));
        return out;
      },
      [&] { return add_scaled_rms_norm_reference(x, y, weights, eps); });
}

}  // namespace svg
