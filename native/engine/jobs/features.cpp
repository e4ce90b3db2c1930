// Jobs over a whole dataset: a cache of its features, and the statistics that normalise them.
#include "core/cancel.h"
#include "engine/device.h"
#include "engine/jobs.h"
#include "engine/state.h"
#include "engine/training/feature_cache.h"
#include "engine/training/live_features.h"

namespace svg::jobs {

/// {"path", "dtype": "fp32" | "bf16" | "fp16", "classes"?: how many there are, "items": [{"image"?, "tokens" or
/// "class"}, ...]} with the named tensors -> {"samples"}: one shard (engine/training/feature_cache.h). Without images
/// it holds conditions alone.
JobResult cache_write(EngineState& state, const Request& request, const TensorMap& tensors, const EventSink&) {
  const Request* classes = request.find("classes");
  const ConditionKind kind = classes ? ConditionKind::label(classes->as_int()) : ConditionKind::text(0, 0);
  std::vector<std::string> images;
  std::vector<ConditionInput> inputs;
  for (const Request& item : request.at("items").as_array()) {
    if (const Request* image = item.find("image")) images.push_back(image->as_string());
    inputs.push_back(condition_input(item, kind, tensors));
  }
  SVG_CHECK(images.empty() || images.size() == inputs.size(), ErrorCode::kInvalidArgument, images.size(),
            " images for ", inputs.size(), " conditions: a shard holds images for all or for none");
  std::vector<at::Tensor> latents;
  if (!images.empty()) latents = encode_images(state, tensors, images);
  for (at::Tensor& latent : latents) latent = latent.to(at::kCPU);
  std::vector<at::Tensor> conditions = encode_conditions(state, kind, inputs);
  for (at::Tensor& condition : conditions) condition = condition.to(at::kCPU);
  write_feature_shard(request.at("path").as_string(), latents, conditions,
                      parse_dtype(request.at("dtype").as_string(), at::kCPU));
  return {Json::object().set("samples", inputs.size()), {}};
}

/// {"images": [names]} with the named tensors -> {"images": so far}.
JobResult statistics_add(EngineState& state, const Request& request, const TensorMap& tensors, const EventSink&) {
  const std::vector<std::string> names = request.at("images").as_string_list();
  for (const at::Tensor& latent : encode_images(state, tensors, names)) state.feature_moments.add(latent);
  return {Json::object().set("images", state.feature_moments.images()), {}};
}

/// {"path"} -> {"images", "channels"}: {mean: [1, C], std: [1, C]} fp32 as torch.save writes them; starts anew.
JobResult statistics_save(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  const int64_t images = state.feature_moments.images();
  const int64_t channels = state.feature_moments.save(request.at("path").as_string());
  state.feature_moments = {};
  return {Json::object().set("images", images).set("channels", channels), {}};
}

}  // namespace svg::jobs
