#include "train/grad_clip.h"

#include <c10/core/GradMode.h>

namespace svg {
namespace {

std::vector<at::Tensor> gradients_of(const TensorMap& parameters) {
  std::vector<at::Tensor> gradients;
  for (const auto& entry : parameters) {
    if (entry.second.grad().defined()) gradients.push_back(entry.second.grad());
  }
  return gradients;
}

}  // namespace

double gradient_norm(const TensorMap& parameters) {
  c10::NoGradGuard no_grad;
  const auto gradients = gradients_of(parameters);
  if (gradients.empty()) return 0;
  return at::stack(at::_foreach_norm(gradients)).to(at::kDouble).norm().item<double>();
}

void clip_gradients(const TensorMap& parameters, double norm, double max_norm) {
  c10::NoGradGuard no_grad;
  const double factor = max_norm / (norm + 1e-6);
  const auto gradients = gradients_of(parameters);
  if (factor < 1 && !gradients.empty()) at::_foreach_mul_(gradients, factor);
}

}  // namespace svg
