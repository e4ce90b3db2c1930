#include "ops/modulate.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"
#include "ops/counted.h"
#include "ops/fused.h"
#include "ops/verified.h"
#include "ops/verified_gradients.h"

namespace svg {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

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

bool fits(const at::Tensor& x, const RowWeights& weights, bool recorded) {
  const bool wide = recorded && !x.is_cpu() && x.size(1) > cuda::kMaxNormDim;
  return x.dim() == 2 && !wide && fits_kernel(x) && fits_parameter(weights.rows) &&
         (!weights.group.defined() || weights.group.scalar_type() == at::kInt);
}

const int32_t* groups(const at::Tensor& group) { return group.defined() ? group.const_data_ptr<int32_t>() : nullptr; }

at::Tensor fused_norm(const at::Tensor& x, const RowWeights& weights, double eps, at::ScalarType dtype) {
  const at::Tensor out = at::empty(x.sizes(), x.options().dtype(dtype));
  if (counted("scaled_rms_norm", {x, weights.rows, weights.group}, {out})) return out;
  const float* rows = weights.rows.const_data_ptr<float>();
  const float small = static_cast<float>(eps);
  if (x.is_cpu()) {
    cpu::scaled_rms_norm(kernel_rows(x), rows, groups(weights.group), small, kernel_rows(out), x.size(0), x.size(1));
    return out;
  }
  return verified(
      signature_of("scaled_rms_norm", {x, out, weights.group}),
      [&] {
        cuda::scaled_rms_norm(kernel_rows(x), rows, groups(weights.group), small, kernel_rows(out), x.size(0),
                              x.size(1), stream_of(x));
        return out;
      },
      [&] { return scaled_rms_norm_reference(x, weights, eps, dtype); });
}

at::Tensor fused_add_norm(const at::Tensor& x, const at::Tensor& y, const RowWeights& weights, double eps) {
  const at::Tensor out = at::empty(x.sizes(), x.options());
  if (counted("add_scaled_rms_norm", {x, y, weights.rows, weights.group}, {out})) return out;
  const float* rows = weights.rows.const_data_ptr<float>();
  const float small = static_cast<float>(eps);
  if (x.is_cpu()) {
    cpu::add_scaled_rms_norm(kernel_rows(x), kernel_rows(y), rows, groups(weights.group), small, kernel_rows(out),
                             x.size(0), x.size(1));
    return out;
  }
  return verified(
      signature_of("add_scaled_rms_norm", {x, y, weights.group}),
      [&] {
        cuda::add_scaled_rms_norm(kernel_rows(x), kernel_rows(y), rows, groups(weights.group), small, kernel_rows(out),
                                  x.size(0), x.size(1), stream_of(x));
        return out;
      },
      [&] { return add_scaled_rms_norm_reference(x, y, weights, eps); });
}

/// Gradients of the normed rows and of the weights, {dx, drows}. `saved`: x, rows, group.
variable_list norm_backward(const variable_list& saved, double eps, const at::Tensor& dout) {
  const at::Tensor& x = saved[0];
  const at::Tensor& rows = saved[1];
  const at::Tensor slopes = dout.contiguous();
  const at::Tensor dx = at::empty(x.sizes(), x.options());
  const float small = static_cast<float>(eps);
  if (!x.is_cpu()) {
    const at::Tensor drows = at::zeros_like(rows);
    if (counted("scaled_rms_norm_backward", {x, rows, saved[2], slopes}, {dx, drows})) return {dx, drows};
    return verified_gradients(
        signature_of("scaled_rms_norm_backward", {x, slopes, saved[2]}),
        [&] {
          cuda::scaled_rms_norm_backward(kernel_rows(x), rows.const_data_ptr<float>(), groups(saved[2]), small,
                                         kernel_rows(slopes), kernel_rows(dx), drows.mutable_data_ptr<float>(),
                                         x.size(0), x.size(1), stream_of(x));
          return variable_list{dx, drows};
        },
        [&](const variable_list& inputs) {
          return scaled_rms_norm_reference(inputs[0], {inputs[1], saved[2]}, eps, slopes.scalar_type());
        },
        {x, rows}, slopes);
  }
  const int64_t slices = at::get_num_threads();
  const at::Tensor partial = at::zeros({slices, rows.size(0), rows.size(1)}, rows.options());
  cpu::scaled_rms_norm_backward(kernel_rows(x), rows.const_data_ptr<float>(), groups(saved[2]), small,
                                kernel_rows(slopes), kernel_rows(dx), partial.mutable_data_ptr<float>(), slices,
                                rows.size(0), x.size(0), x.size(1));
  return {dx, partial.sum(0)};
}

struct Norm : torch::autograd::Function<Norm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& rows,
                            const std::optional<at::Tensor>& group, double eps, at::ScalarType dtype) {
    const RowWeights weights{rows, group.value_or(at::Tensor())};
    context->save_for_backward({x, rows, weights.group});
    context->saved_data["eps"] = eps;
    return fused_norm(x, weights, eps, dtype);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const double eps = context->saved_data["eps"].toDouble();
    variable_list result = norm_backward(context->get_saved_variables(), eps, gradients[0]);
    result.resize(5);
    return result;
  }
};

struct AddNorm : torch::autograd::Function<AddNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& y, const at::Tensor& rows,
                            const std::optional<at::Tensor>& group, double eps) {
    const RowWeights weights{rows, group.value_or(at::Tensor())};
    context->save_for_backward({y, rows, weights.group});
    context->saved_data["eps"] = eps;
    return fused_add_norm(x, y, weights, eps);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const double eps = context->saved_data["eps"].toDouble();
    const variable_list branch = norm_backward(context->get_saved_variables(), eps, gradients[0]);
    return {gradients[0], branch[0], branch[1], {}, {}};
  }
};

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
  const bool recorded = records_grad({x, weights.rows});
  const bool type = dtype == at::kFloat || dtype == at::kBFloat16;
  if (!type || !fits(x, weights, recorded)) return scaled_rms_norm_reference(x, weights, eps, dtype);
  return recorded ? Norm::apply(x, weights.rows, std::optional(weights.group), eps, dtype)
                  : fused_norm(x, weights, eps, dtype);
}

at::Tensor add_scaled_rms_norm(const at::Tensor& x, const at::Tensor& y, const RowWeights& weights, double eps) {
  check(y, weights);
  SVG_CHECK(x.sizes() == y.sizes(), ErrorCode::kInternal, "[modulate] rows ", x.sizes(), ", branch ", y.sizes());
  const bool recorded = records_grad({x, y, weights.rows});
  if (!fits_kernel(x) || !fits(y, weights, recorded)) return add_scaled_rms_norm_reference(x, y, weights, eps);
  return recorded ? AddNorm::apply(x, y, weights.rows, std::optional(weights.group), eps)
                  : fused_add_norm(x, y, weights, eps);
}

}  // namespace svg
