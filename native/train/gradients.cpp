#include "train/gradients.h"

#include <c10/core/GradMode.h>

namespace svg {

TensorMap accumulated_gradients(const TrainableSource& source) {
  c10::NoGradGuard no_grad;
  TensorMap gradients;
  const TensorMap leaves = source.leaves();
  for (const auto& [name, parameter] : source.parameters()) {
    at::Tensor& sum = parameter.mutable_grad();
    const at::Tensor& leaf = leaves.at(name);
    at::Tensor& last = leaf.mutable_grad();  // the same one where the leaf is the parameter
    if (!leaf.is_same(parameter) && sum.defined() && last.defined()) {
      sum.add_(last);
      last.reset();
    }
    if (sum.defined()) {
      gradients[name] = sum;
    } else if (last.defined()) {
      gradients[name] = last;
    }
  }
  return gradients;
}

void refresh_copies_of(const TrainableSource& source, const std::function<bool(const std::string&)>& chosen) {
  c10::NoGradGuard no_grad;
  for (const auto& [name, leaf] : source.leaves()) {
    const at::Tensor& parameter = source.parameters().at(name);
    at::Tensor copy = leaf;
    if (!copy.is_same(parameter) && chosen(name)) copy.copy_(parameter);
  }
}

at::Tensor gradient_norm(const TensorMap& gradients) {
  c10::NoGradGuard no_grad;
  // Those of one dtype go through one call.
  std::map<at::ScalarType, std::vector<at::Tensor>> by_dtype;
  for (const auto& [name, gradient] : gradients) by_dtype[gradient.scalar_type()].push_back(gradient);
  std::vector<at::Tensor> norms;
  for (const auto& [dtype, list] : by_dtype) {
    const auto some = at::_foreach_norm(list, 2, at::kFloat);
    norms.insert(norms.end(), some.begin(), some.end());
  }
  if (norms.empty()) return at::zeros({}, at::kDouble);
  return at::stack(norms).to(at::kDouble).norm();
}

}  // namespace svg
