#include "train/ema.h"

#include <c10/core/GradMode.h>

#include <algorithm>

#include "core/error.h"

namespace svg {

double EmaOptions::decay_at(int64_t step) const {
  const double count = static_cast<double>(step);
  return warmup ? std::min(decay, (1 + count) / (10 + count)) : decay;
}

Ema::Ema(const TensorMap& parameters, EmaOptions options, bool fused) : options_(options), fused_(fused) {
  SVG_CHECK(options.decay >= 0 && options.decay < 1, ErrorCode::kInvalidArgument, "EMA decay ", options.decay,
            " is not in [0, 1)");
  for (const auto& [name, parameter] : parameters) averages_[name] = parameter.detach().clone();
}

void Ema::update(const TensorMap& parameters, int64_t step) {
  c10::NoGradGuard no_grad;
  const double decay = options_.decay_at(step);
  if (!fused_) {
    for (auto& [name, average] : averages_) average.mul_(decay).add_(parameters.at(name), 1 - decay);
    return;
  }
  std::vector<at::Tensor> averages, values;
  for (auto& [name, average] : averages_) {
    averages.push_back(average);
    values.push_back(parameters.at(name).detach());
  }
  if (!averages.empty()) at::_foreach_lerp_(averages, values, 1 - decay);
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
