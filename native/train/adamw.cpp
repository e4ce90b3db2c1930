#include "train/adamw.h"

#include <c10/core/GradMode.h>

#include "core/error.h"
#include "ops/adamw_update.h"

namespace svg {
namespace {

void copy_into(const TensorMap& state, const std::string& prefix, TensorMap& moments) {
  for (auto& [name, moment] : moments) {
    const auto found = state.find(prefix + name);
    SVG_CHECK(found != state.end(), ErrorCode::kWeightsMismatch, "the optimiser's state has no \"", prefix, name, "\"");
    SVG_CHECK(found->second.sizes() == moment.sizes(), ErrorCode::kWeightsMismatch, "\"", prefix, name,
              "\" of the optimiser's state has shape ", found->second.sizes(), ", not ", moment.sizes());
    moment.copy_(found->second);
  }
}

at::Tensor or_none(const TensorMap& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  return found == tensors.end() ? at::Tensor() : found->second;
}

AdamWRule rule_of(const AdamWOptions& options, const AdamWStep& step) {
  const EmaOptions average = step.ema ? step.ema->options() : EmaOptions{};
  return {options.lr,           options.beta1,  options.beta2, options.eps,
          options.weight_decay, step.grad_clip, average.decay, average.warmup};
}

}  // namespace

AdamW::AdamW(const TensorMap& parameters, const AdamWOptions& options) : options_(options) {
  for (const auto& [name, parameter] : parameters) {
    exp_avg_[name] = at::zeros_like(parameter, parameter.options().requires_grad(false));
    exp_avg_sq_[name] = at::zeros_like(parameter, parameter.options().requires_grad(false));
  }
  const at::Device device = parameters.empty() ? at::Device(at::kCPU) : parameters.begin()->second.device();
  steps_ = at::zeros({}, at::TensorOptions(device).dtype(at::kLong));
}

void AdamW::step(const TensorMap& parameters, const AdamWStep& step) {
  std::vector<AdamWTensors> tensors;
  for (const auto& [name, parameter] : parameters) {
    const at::Tensor gradient = or_none(step.gradients, name);
    const at::Tensor average = step.ema ? step.ema->averages().at(name) : at::Tensor();
    at::Tensor copy = or_none(step.leaves, name);
    if (copy.is_same(parameter)) copy.reset();
    if (!gradient.defined() && !average.defined()) continue;
    tensors.push_back({parameter, exp_avg_.at(name), exp_avg_sq_.at(name), average, copy, gradient});
  }
  (options_.fused ? adamw_update : adamw_update_reference)(tensors, rule_of(options_, step), step.norm, steps_);
}

TensorMap AdamW::state() const {
  TensorMap state;
  for (const auto& [name, moment] : exp_avg_) state["exp_avg." + name] = moment;
  for (const auto& [name, moment] : exp_avg_sq_) state["exp_avg_sq." + name] = moment;
  state["step"] = steps_.to(at::kCPU, at::kLong, /*non_blocking=*/false, /*copy=*/true);
  return state;
}

void AdamW::load_state(const TensorMap& state) {
  c10::NoGradGuard no_grad;
  copy_into(state, "exp_avg.", exp_avg_);
  copy_into(state, "exp_avg_sq.", exp_avg_sq_);
  const auto step = state.find("step");
  SVG_CHECK(step != state.end(), ErrorCode::kWeightsMismatch, "the optimiser's state has no \"step\"");
  steps_.copy_(step->second);
}

}  // namespace svg
