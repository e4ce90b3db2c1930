#include "ops/adamw_update.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/transfer.h"
#include "ops/counted.h"
#include "ops/fused.h"
#include "ops/verified.h"

namespace svg {
namespace {

/// Kernels take fp32 and bf16; what is computed in another dtype is converted around them.
bool kernel_takes(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16;
}

AdamWPiece piece_of(const AdamWTensors& one, const at::Tensor& gradient) {
  const auto floats = [](const at::Tensor& tensor) {
    return tensor.defined() ? static_cast<float*>(tensor.data_ptr()) : nullptr;
  };
  AdamWPiece piece{};
  piece.parameter = floats(one.parameter);
  piece.gradient = gradient.defined() ? gradient.data_ptr() : nullptr;
  piece.first = floats(one.exp_avg);
  piece.second = floats(one.exp_avg_sq);
  piece.average = floats(one.average);
  piece.copy = one.copy.defined() && one.copy.scalar_type() == at::kBFloat16 ? one.copy.data_ptr() : nullptr;
  piece.elements = one.parameter.numel();
  if (piece.gradient) piece.gradient_type = gradient.scalar_type() == at::kFloat ? Real::kFloat32 : Real::kBFloat16;
  return piece;
}

void check(const AdamWTensors& one) {
  for (const at::Tensor& tensor : {one.parameter, one.exp_avg, one.exp_avg_sq, one.average, one.copy}) {
    SVG_CHECK(!tensor.defined() || tensor.is_contiguous(), ErrorCode::kInternal, "[adamw_update] a tensor has gaps");
  }
  SVG_CHECK(!one.gradient.defined() || one.gradient.sizes() == one.parameter.sizes(), ErrorCode::kInternal,
            "[adamw_update] gradient ", one.gradient.sizes(), " of a parameter ", one.parameter.sizes());
}

constexpr auto kPiecesOfLaunch = static_cast<size_t>(kAdamWPieces);

/// On meta tensors: the launches that the GPU would be given.
void count_launches(const std::vector<AdamWTensors>& parameters, const at::Tensor& norm, const at::Tensor& steps) {
  counted("plan_adamw", {norm, steps}, {steps});
  for (size_t begin = 0; begin < parameters.size(); begin += kPiecesOfLaunch) {
    std::vector<at::Tensor> read, written;
    for (size_t i = begin; i < std::min(parameters.size(), begin + kPiecesOfLaunch); ++i) {
      const AdamWTensors& one = parameters[i];
      for (const at::Tensor& each : {one.parameter, one.exp_avg, one.exp_avg_sq, one.average, one.gradient}) {
        if (each.defined()) read.push_back(each);
      }
      for (const at::Tensor& each : {one.parameter, one.exp_avg, one.exp_avg_sq, one.average, one.copy}) {
        if (each.defined()) written.push_back(each);
      }
    }
    counted("adamw_update", read, written);
  }
}

void update_by_kernel(const std::vector<AdamWTensors>& parameters, const AdamWRule& rule, const at::Tensor& norm,
                      const at::Tensor& steps) {
  std::vector<at::Tensor> gradients;  // live until the kernels were launched
  std::vector<AdamWPiece> pieces;
  for (const AdamWTensors& one : parameters) {
    check(one);
    at::Tensor& gradient = gradients.emplace_back(one.gradient);
    if (gradient.defined() && !kernel_takes(gradient)) gradient = gradient.to(at::kFloat);
    if (gradient.defined()) gradient = gradient.contiguous();
    pieces.push_back(piece_of(one, gradients.back()));
  }
  const auto count = static_cast<int64_t>(pieces.size());
  if (norm.is_cpu()) {
    cpu::adamw_update(plan_adamw(rule, *norm.const_data_ptr<double>(), *steps.mutable_data_ptr<int64_t>()),
                      pieces.data(), count);
  } else {
    void* const stream = stream_of(norm);
    const at::Tensor place = at::empty({static_cast<int64_t>(sizeof(AdamWPlan))}, norm.options().dtype(at::kByte));
    auto* const plan = static_cast<AdamWPlan*>(place.mutable_data_ptr());
    cuda::plan_adamw(rule, norm.const_data_ptr<double>(), steps.mutable_data_ptr<int64_t>(), plan, stream);
    cuda::adamw_update(plan, pieces.data(), count, stream);
  }
  for (const AdamWTensors& one : parameters) {
    if (one.copy.defined() && one.copy.scalar_type() != at::kBFloat16) one.copy.copy_(one.parameter);
  }
}

/// Two parameters of a few blocks, one of which is computed with in bf16.
std::vector<AdamWTensors> drawn(at::Device device) {
  std::vector<AdamWTensors> parameters;
  at::Generator generator = at::detail::createCPUGenerator(1);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const auto draw = [&] { return at::randn({4099}, generator, at::TensorOptions()).to(device); };
    AdamWTensors one{draw(), draw(), draw().square(), draw(), {}, draw().to(dtype)};
    if (dtype != at::kFloat) one.copy = one.parameter.to(dtype);
    parameters.push_back(std::move(one));
  }
  return parameters;
}

using Update = void (*)(const std::vector<AdamWTensors>&, const AdamWRule&, const at::Tensor&, const at::Tensor&);

/// All that an update has written. Of copies how far they are from the rounded parameter: a last bit in fp32 may round
/// to the other neighbour in bf16, which is more than verified() lets pass.
at::Tensor tried(Update update, at::Device device) {
  const std::vector<AdamWTensors> parameters = drawn(device);
  const AdamWRule rule{1e-3, 0.9, 0.95, 1e-15, 0.1, 1, 0.9, true};
  update(parameters, rule, at::full({}, 3.0, at::TensorOptions(device).dtype(at::kDouble)),
         at::zeros({}, at::TensorOptions(device).dtype(at::kLong)));
  std::vector<at::Tensor> written;
  for (const AdamWTensors& one : parameters) {
    written.insert(written.end(), {one.parameter, one.exp_avg, one.exp_avg_sq, one.average});
    if (one.copy.defined()) written.push_back((one.copy - one.parameter.to(one.copy.scalar_type())).to(at::kFloat));
  }
  return at::cat(written);
}

/// Tried once a process against the plain operations, on numbers of its own: a step cannot be taken twice.
bool kernel_is_right(at::Device device) {
  static const bool right = [&] {
    const std::string name = "adamw_update";
    verified(
        name, [&] { return tried(update_by_kernel, device); }, [&] { return tried(adamw_update_reference, device); });
    const auto faults = kernel_faults();
    return std::none_of(faults.begin(), faults.end(), [&](const auto& fault) { return fault.signature == name; });
  }();
  return right;
}

}  // namespace

void adamw_update(const std::vector<AdamWTensors>& parameters, const AdamWRule& rule, const at::Tensor& norm,
                  const at::Tensor& steps) {
  const c10::NoGradGuard no_grad;
  const at::Device device = steps.device();
  if (device.is_meta()) return count_launches(parameters, norm, steps);
  const bool by_kernel = device.is_cpu() || (cuda::built_with_cuda() && kernel_is_right(device));
  (by_kernel ? update_by_kernel : adamw_update_reference)(parameters, rule, sent_to(norm, device), steps);
}

void adamw_update_reference(const std::vector<AdamWTensors>& parameters, const AdamWRule& rule, const at::Tensor& norm,
                            const at::Tensor& steps) {
  const c10::NoGradGuard no_grad;
  const double length = norm.item<double>();
  if (!std::isfinite(length)) return;
  at::Tensor(steps).add_(1);
  const int64_t count = steps.item<int64_t>();
  const double factor = rule.grad_clip > 0 ? std::min(1.0, rule.grad_clip / (length + 1e-6)) : 1;
  const double correction1 = 1 - std::pow(rule.beta1, static_cast<double>(count));
  const double correction2 = 1 - std::pow(rule.beta2, static_cast<double>(count));
  const double decay = average_decay(rule.average_decay, rule.average_warmup, count);
  for (AdamWTensors one : parameters) {
    if (!one.gradient.defined()) {
      if (one.average.defined()) one.average.mul_(decay).add_(one.parameter, 1 - decay);
      continue;
    }
    const at::Tensor wide = one.gradient.to(at::kFloat);
    const at::Tensor gradient = factor < 1 ? wide * factor : wide;
    one.parameter.mul_(1 - rule.lr * rule.weight_decay);
    one.exp_avg.lerp_(gradient, 1 - rule.beta1);
    one.exp_avg_sq.mul_(rule.beta2).addcmul_(gradient, gradient, 1 - rule.beta2);
    const at::Tensor denominator = one.exp_avg_sq.sqrt().div_(std::sqrt(correction2)).add_(rule.eps);
    one.parameter.addcdiv_(one.exp_avg, denominator, -rule.lr / correction1);
    if (one.average.defined()) one.average.mul_(decay).add_(one.parameter, 1 - decay);
    if (one.copy.defined()) one.copy.copy_(one.parameter);
  }
}

}  // namespace svg
