#include "train/ema.h"

#include <c10/core/GradMode.h>

#include "core/error.h"

namespace svg {

Ema::Ema(const TensorMap& parameters, EmaOptions options) : options_(options) {
  SVG_CHECK(options.decay >= 0 && options.decay < 1, ErrorCode::kInvalidArgument, "EMA decay ", options.decay,
            " is not in [0, 1)");
  for (const auto& [name, parameter] : parameters) averages_[name] = parameter.detach().clone();
}

void Ema::load(const TensorMap& averages) {
  c10::NoGradGuard no_grad;
  for (auto& [name, average] : averages_) {
    const auto found = averages.find(name);
    SVG_CHECK(found != averages.end(), ErrorCode::kWeightsMismatch, "the EMA has no \"", name, "\"");
    SVG_CHECK(found->second.sizes() == average.sizes(), ErrorCode::kWeightsMismatch, "\"", name,
              "\" of the EMA has shape ", found->second.sizes(), ", not ", average.sizes());
    average.copy_(found->second);
  }
}

}  // namespace svg
