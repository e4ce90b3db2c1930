#include "train/ema.h"

#include <c10/core/GradMode.h>

#include "core/error.h"

namespace svg {

Ema::Ema(const TensorMap& parameters, double decay, bool fused) : decay_(decay), fused_(fused) {
  SVG_CHECK(decay >= 0 && decay < 1, ErrorCode::kInvalidArgument, "EMA decay ", decay, " is not in [0, 1)");
  for (const auto& [name, parameter] : parameters) averages_[name] = parameter.detach().clone();
}

void Ema::update(const TensorMap& parameters) {
  c10::NoGradGuard no_grad;
  if (!fused_) {
    for (auto& [name, average] : averages_) average.mul_(decay_).add_(parameters.at(name), 1 - decay_);
    return;
  }
  std::vector<at::Tensor> averages, values;
  for (auto& [name, average] : averages_) {
    averages.push_back(average);
    values.push_back(parameters.at(name).detach());
  }
  if (!averages.empty()) at::_foreach_lerp_(averages, values, 1 - decay_);
}

void Ema::load(const TensorMap& averages) {
  for (auto& [name, average] : averages_) {
    const auto found = averages.find(name);
    SVG_CHECK(found != averages.end(), ErrorCode::kWeightsMismatch, "the EMA has no \"", name, "\"");
    SVG_CHECK(found->second.sizes() == average.sizes(), ErrorCode::kWeightsMismatch, "\"", name,
              "\" of the EMA has shape ", found->second.sizes(), ", not ", average.sizes());
    average.copy_(found->second);
  }
}

}  // namespace svg
