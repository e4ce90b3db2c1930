#include "engine/training/live_features.h"

#include <c10/core/GradMode.h>

#include "core/cancel.h"
#include "engine/pixels.h"
#include "engine/state.h"

namespace svg {
namespace {

const at::Tensor& named(const TensorMap& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  SVG_CHECK(found != tensors.end(), ErrorCode::kInvalidArgument, "the job has no tensor \"", name, "\"");
  return found->second;
}

}  // namespace

std::vector<at::Tensor> encode_images(const EngineState& state, const TensorMap& tensors,
                                      const std::vector<std::string>& names) {
  c10::NoGradGuard no_grad;
  const Autoencoder& autoencoder = require(state.autoencoder, "autoencoder");
  std::map<std::vector<int64_t>, std::vector<size_t>> by_size;
  for (size_t i = 0; i < names.size(); ++i) by_size[named(tensors, names[i]).sizes().vec()].push_back(i);
  std::vector<at::Tensor> latents(names.size());
  for (const auto& group : by_size) {
    check_cancelled();
    std::vector<at::Tensor> images;
    for (const size_t i : group.second) images.push_back(from_pixels(named(tensors, names[i]), names[i]));
    const at::Tensor batch = autoencoder.encode(at::stack(images).to(state.device));
    for (size_t k = 0; k < group.second.size(); ++k) latents[group.second[k]] = batch[static_cast<int64_t>(k)];
  }
  return latents;
}

std::vector<at::Tensor> encode_captions(const EngineState& state, const TensorMap& tensors,
                                        const std::vector<std::string>& names) {
  c10::NoGradGuard no_grad;
  const Gemma2& text_encoder = require(state.text_encoder, "text encoder");
  std::vector<std::vector<int64_t>> prompts;
  for (const std::string& name : names) {
    const at::Tensor ids = named(tensors, name).to(at::kLong).contiguous();
    SVG_CHECK(ids.dim() == 1 && ids.numel() > 0, ErrorCode::kInvalidArgument, "\"", name,
              "\" must be one row of token ids");
    prompts.emplace_back(ids.const_data_ptr<int64_t>(), ids.const_data_ptr<int64_t>() + ids.numel());
  }
  check_cancelled();
  std::vector<at::Tensor> captions = text_encoder.encode(prompts);
  for (at::Tensor& caption : captions) caption = caption.to(at::kFloat);
  return captions;
}

}  // namespace svg
