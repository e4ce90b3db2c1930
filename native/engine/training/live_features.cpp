#include "engine/training/live_features.h"

#include <c10/core/GradMode.h>

#include "core/cancel.h"
#include "engine/models.h"
#include "engine/pixels.h"

namespace svg {
namespace {

const at::Tensor& named(const TensorMap& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  SVG_CHECK(found != tensors.end(), ErrorCode::kInvalidArgument, "the job has no tensor \"", name, "\"");
  return found->second;
}

}  // namespace

std::vector<at::Tensor> encode_images(const EngineModels& state, const TensorMap& tensors,
                                      const std::vector<std::string>& names) {
  c10::NoGradGuard no_grad;
  const Autoencoder& autoencoder = require(state.autoencoder, "autoencoder");
  std::map<std::vector<int64_t>, std::vector<size_t>> by_size;
  for (size_t i = 0; i < names.size(); ++i) by_size[named(tensors, names[i]).sizes().vec()].push_back(i);
  std::vector<at::Tensor> latents(names.size());
  for (const auto& group : by_size) {
    check_cancelled();
    std::vector<at::Tensor> pictures;
    for (const size_t i : group.second) {
      pictures.push_back(named(tensors, names[i]));
      check_pixels(pictures.back(), names[i]);
    }
    const at::Tensor batch = autoencoder.encode(from_pixels(pictures, state.device));
    for (size_t k = 0; k < group.second.size(); ++k) latents[group.second[k]] = batch[static_cast<int64_t>(k)];
  }
  return latents;
}

std::vector<at::Tensor> encode_conditions(EngineModels& state, const ConditionKind& kind,
                                          const std::vector<ConditionInput>& inputs) {
  c10::NoGradGuard no_grad;
  if (inputs.empty()) return {};
  const Conditioner& conditioner = conditioner_for(state, kind);
  check_cancelled();
  std::vector<at::Tensor> conditions = conditioner.encode(inputs);
  for (at::Tensor& condition : conditions) {
    if (at::isFloatingType(condition.scalar_type())) condition = condition.to(at::kFloat);
  }
  return conditions;
}

}  // namespace svg
