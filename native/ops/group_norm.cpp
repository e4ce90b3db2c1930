#include "ops/group_norm.h"

#include <torch/csrc/autograd/custom_function.h>

#include "ops/fused.h"

namespace svg {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// (C, h, w), channels side by side: its pixels as rows.
Rows rows_of(const at::Tensor& image) {
  return kernel_rows(image.permute({1, 2, 0}).view({image.size(1) * image.size(2), image.size(0)}));
}

/// Image b of (B, C, h, w), channels-last.
Rows rows_of(const at::Tensor& x, int64_t b) { return rows_of(x[b]); }

cpu::GroupNormRows parameters(const at::Tensor& weight, const at::Tensor& bias, int64_t groups, double eps) {
  return {weight.const_data_ptr<float>(), bias.const_data_ptr<float>(), groups, static_cast<float>(eps)};
}

/// silu(norm(x)), and statistics (B, groups, 2) for the way back.
std::pair<at::Tensor, at::Tensor> forward_of(const at::Tensor& x, const cpu::GroupNormRows& norm) {
  const at::Tensor out = at::empty_like(x);
  const at::Tensor statistics = at::empty({x.size(0), norm.groups, 2}, x.options().dtype(at::kFloat));
  for (int64_t b = 0; b < x.size(0); ++b) {
    cpu::group_norm_silu(rows_of(x, b), norm, rows_of(out, b), statistics[b].data_ptr<float>(), x.size(2) * x.size(3),
                         x.size(1));
  }
  return {out, statistics};
}

struct GroupNormSilu : torch::autograd::Function<GroupNormSilu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, int64_t groups, double eps) {
    const auto [out, statistics] = forward_of(x, parameters(weight, bias, groups, eps));
    context->save_for_backward({x, weight, bias, statistics});
    context->saved_data["groups"] = groups;
    context->saved_data["eps"] = eps;
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &statistics = saved[3];
    const cpu::GroupNormRows norm =
        parameters(saved[1], saved[2], context->saved_data["groups"].toInt(), context->saved_data["eps"].toDouble());
    const at::Tensor grad = gradients[0].to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor grad_x = at::empty_like(x);
    const at::Tensor grad_weight = at::zeros_like(saved[1]), grad_bias = at::zeros_like(saved[2]);
    for (int64_t b = 0; b < x.size(0); ++b) {
      cpu::group_norm_silu_backward(rows_of(x, b), rows_of(grad, b), norm, statistics[b].const_data_ptr<float>(),
                                    rows_of(grad_x, b), grad_weight.data_ptr<float>(), grad_bias.data_ptr<float>(),
                                    x.size(2) * x.size(3), x.size(1));
    }
    return {grad_x, grad_weight, grad_bias, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor group_norm_silu_reference(const GroupNorm& norm, const at::Tensor& x) { return at::silu(norm(x)); }

at::Tensor group_norm_silu(const GroupNorm& norm, const at::Tensor& x) {
  const bool fits = x.is_cpu() && x.dim() == 4 && x.numel() > 0 && x.is_contiguous(at::MemoryFormat::ChannelsLast) &&
                    fits_kernel(x.permute({0, 2, 3, 1})) && fits_parameter(norm.weight) && fits_parameter(norm.bias);
  if (!fits) return group_norm_silu_reference(norm, x);
  if (records_grad({x, norm.weight, norm.bias})) {
    return GroupNormSilu::apply(x, norm.weight, norm.bias, norm.groups, norm.eps);
  }
  return forward_of(x, parameters(norm.weight, norm.bias, norm.groups, norm.eps)).first;
}

ChannelNorm norm_of_channels(const GroupNorm& norm, const at::Tensor& image) {
  const at::Tensor both = at::empty({2, image.size(0)}, at::kFloat);
  const ChannelNorm channels = {both[0], both[1]};
  cpu::group_norm_of_channels(rows_of(image), parameters(norm.weight, norm.bias, norm.groups, norm.eps),
                              channels.mean.data_ptr<float>(), channels.scale.data_ptr<float>(),
                              image.size(1) * image.size(2), image.size(0));
  return channels;
}

}  // namespace svg
