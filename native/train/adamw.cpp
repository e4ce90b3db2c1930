#include "train/adamw.h"

#include <c10/core/GradMode.h>

#include <cmath>

#include "core/error.h"

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

}  // namespace

AdamW::AdamW(const TensorMap& parameters, const AdamWOptions& options) : options_(options) {
  for (const auto& [name, parameter] : parameters) {
    exp_avg_[name] = at::zeros_like(parameter, parameter.options().requires_grad(false));
    exp_avg_sq_[name] = at::zeros_like(parameter, parameter.options().requires_grad(false));
  }
}

void AdamW::step(const TensorMap& parameters) {
  c10::NoGradGuard no_grad;
  ++steps_;
  if (!options_.fused) {
    for (const auto& [name, parameter] : parameters) {
      if (!parameter.grad().defined()) continue;
      at::Tensor value = parameter;
      adamw_reference(value, parameter.grad(), exp_avg_.at(name), exp_avg_sq_.at(name), steps_, options_);
    }
    return;
  }
  std::vector<at::Tensor> values, gradients, averages, squares, steps;
  for (const auto& [name, parameter] : parameters) {
    if (!parameter.grad().defined()) continue;
    values.push_back(parameter);
    gradients.push_back(parameter.grad());
    averages.push_back(exp_avg_.at(name));
    squares.push_back(exp_avg_sq_.at(name));
    steps.push_back(at::full({}, static_cast<double>(steps_), parameter.options().dtype(at::kFloat)));
  }
  if (values.empty()) return;
  at::_fused_adamw_(values, gradients, averages, squares, /*max_exp_avg_sqs=*/{}, steps, options_.lr, options_.beta1,
                    options_.beta2, options_.weight_decay, options_.eps, /*amsgrad=*/false, /*maximize=*/false);
}

TensorMap AdamW::state() const {
  TensorMap state;
  for (const auto& [name, moment] : exp_avg_) state["exp_avg." + name] = moment;
  for (const auto& [name, moment] : exp_avg_sq_) state["exp_avg_sq." + name] = moment;
  state["step"] = at::full({}, steps_, at::kLong);
  return state;
}

void AdamW::load_state(const TensorMap& state) {
  c10::NoGradGuard no_grad;
  copy_into(state, "exp_avg.", exp_avg_);
  copy_into(state, "exp_avg_sq.", exp_avg_sq_);
  const auto step = state.find("step");
  SVG_CHECK(step != state.end(), ErrorCode::kWeightsMismatch, "the optimiser's state has no \"step\"");
  steps_ = step->second.item<int64_t>();
}

void adamw_reference(at::Tensor& parameter, const at::Tensor& gradient, at::Tensor& exp_avg, at::Tensor& exp_avg_sq,
                     int64_t steps, const AdamWOptions& options) {
  c10::NoGradGuard no_grad;
  parameter.mul_(1 - options.lr * options.weight_decay);
  exp_avg.lerp_(gradient, 1 - options.beta1);
  exp_avg_sq.mul_(options.beta2).addcmul_(gradient, gradient, 1 - options.beta2);
  const double correction1 = 1 - std::pow(options.beta1, static_cast<double>(steps));
  const double correction2 = 1 - std::pow(options.beta2, static_cast<double>(steps));
  const at::Tensor denominator = exp_avg_sq.sqrt().div_(std::sqrt(correction2)).add_(options.eps);
  parameter.addcdiv_(exp_avg, denominator, -options.lr / correction1);
}

}  // namespace svg
