#include "train/state.h"

#include <c10/core/GradMode.h>

#include "core/error.h"

namespace svg {

void add_below(TensorMap& state, const std::string& prefix, const TensorMap& part) {
  for (const auto& [name, tensor] : part) state[prefix + name] = tensor;
}

TensorMap below(const TensorMap& state, const std::string& prefix) {
  TensorMap part;
  for (auto entry = state.lower_bound(prefix); entry != state.end() && entry->first.rfind(prefix, 0) == 0; ++entry) {
    part[entry->first.substr(prefix.size())] = entry->second;
  }
  return part;
}

void copy_below(const TensorMap& state, const std::string& prefix, const TensorMap& live) {
  c10::NoGradGuard no_grad;
  for (const auto& [name, tensor] : live) {
    const auto found = state.find(prefix + name);
    SVG_CHECK(found != state.end(), ErrorCode::kWeightsMismatch, "the training state has no \"", prefix, name, "\"");
    SVG_CHECK(found->second.sizes() == tensor.sizes(), ErrorCode::kWeightsMismatch, "\"", prefix, name,
              "\" of the training state has shape ", found->second.sizes(), ", not ", tensor.sizes());
    at::Tensor target = tensor;
    target.copy_(found->second);
  }
}

}  // namespace svg
