#include "engine/sample_job.h"

#include "core/cancel.h"
#include "core/rng.h"
#include "core/system_memory.h"
#include "engine/pixels.h"

namespace svg {
namespace {

constexpr int64_t kManyCells = 512;

at::Tensor initial_noise(const SampleItem& item, size_t position, const VelocityModel& model,
                         const TensorMap& tensors) {
  const std::vector<int64_t> shape = {model.channels(), item.cells.rows, item.cells.columns};
  const auto given = tensors.find(concat("noise.", position));
  if (given == tensors.end()) return seeded_noise(item.seed, shape).to(model.device());
  const at::Tensor noise = given->second.dim() == 4 ? given->second.squeeze(0) : given->second;
  SVG_CHECK(noise.sizes() == at::IntArrayRef(shape), ErrorCode::kInvalidArgument, "\"", given->first, "\" has shape ",
            given->second.sizes(), ", this picture needs ", at::IntArrayRef(shape));
  return noise.to(model.device(), at::kFloat);
}

Json event(const char* type, size_t item) {
  return Json::object().set("type", type).set("item", static_cast<int64_t>(item));
}

}  // namespace

SampleJob::SampleJob(EngineState& state, SamplingBatch& batch, SampleRequest request, const TensorMap& tensors,
                     EventSink emit, const std::atomic<bool>& cancelled)
    : state_(state),
      model_(require(state.velocity_model, "DiT")),
      request_(std::move(request)),
      emit_(std::move(emit)),
      watch_(model_.device()) {
  task_.emplace(
      batch.guided(), pictures(tensors),
      [this](const SolverProgress& done, size_t first, const std::vector<at::Tensor>& predicted) {
        tell_step(done, first, predicted);
      },
      cancelled);
}

PicturesToSample SampleJob::pictures(const TensorMap& tensors) {
  emit_(event("encode", 0), {});
  const std::vector<at::Tensor> conditions =
      state_.conditions.prepared(conditioner_for(state_, model_.condition()), model_, request_.inputs);
  encode_seconds_ = watch_.lap();
  PicturesToSample pictures;
  pictures.solver = request_.solver;
  for (size_t i = 0; i < request_.items.size(); ++i) {
    const SampleItem& item = request_.items[i];
    pictures.noise.push_back(initial_noise(item, i, model_, tensors));
    pictures.items.push_back(
        {conditions[item.condition], conditions[item.unconditional], item.cells, request_.guidance});
  }
  return pictures;
}

at::Tensor SampleJob::decode(const at::Tensor& latent) const {
  const Autoencoder& autoencoder = *state_.autoencoder;
  const bool normalised = autoencoder.config().decoder.own_statistics;
  const at::Tensor features = normalised ? latent : state_.statistics->unnormalised(latent);
  return autoencoder.decode(features.unsqueeze(0)).squeeze(0);
}

void SampleJob::tell_step(const SolverProgress& done, size_t first, const std::vector<at::Tensor>& predicted) const {
  emit_(event("step", first).set("step", done.step).set("steps", done.steps).set("t", done.t), {});
  const int64_t every = request_.preview_every;
  if (every <= 0 || done.step % every != 0 || done.step == done.steps) return;
  for (size_t i = 0; i < predicted.size(); ++i) {
    emit_(event("preview", first + i).set("step", done.step), {{"image", to_pixels(decode(predicted[i]))}});
  }
}

JobResult SampleJob::finish() {
  const SampledLatents sampled = task_->result();
  const double sample_seconds = watch_.lap();
  if (model_.device().is_cpu() && sampled.latents[0].numel() / model_.channels() >= kManyCells) {
    give_back_free_memory();  // of the steps: the decoder's maps are large
  }
  JobResult result{Json::object(), {}};
  for (size_t i = 0; i < sampled.latents.size(); ++i) {
    check_cancelled();
    emit_(event("decode", i), {});
    const at::Tensor image = decode(sampled.latents[i]);
    SVG_CHECK(image.isfinite().all().item<bool>(), ErrorCode::kNumeric, "the decoded picture holds NaN or infinity");
    result.tensors[concat("image.", i)] = to_pixels(image);
    if (request_.return_latents) result.tensors[concat("latent.", i)] = sampled.latents[i].to(at::kCPU);
    if (request_.return_decoded) result.tensors[concat("decoded.", i)] = image.to(at::kCPU);
  }
  result.value.set("timings", Json::object()
                                  .set("encode", encode_seconds_)
                                  .set("sample", sample_seconds)
                                  .set("model", sampled.model_seconds)
                                  .set("decode", watch_.lap()));
  Json::Array counts;
  for (const ModelEvaluations& of_item : sampled.evaluations) {
    counts.push_back(
        Json::object().set("conditional", of_item.conditional).set("unconditional", of_item.unconditional));
  }
  result.value.set("evaluations", Json(std::move(counts)));
  return result;
}

}  // namespace svg
