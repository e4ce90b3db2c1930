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
    pictures.items.push_back({conditions[item.condition], conditions[item.unconditional], item.cells, request_.guidance,
                              request_.step_cache});
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
    const std::optional<at::Tensor> image = preview(predicted[i]);
    if (image) emit_(event("preview", first + i).set("step", done.step), {{"image", *image}});
  }
}

std::optional<at::Tensor> SampleJob::preview(const at::Tensor& predicted) const {
  try {
    return to_pixels(decode(predicted));
  } catch (...) {
    if (translate_current_exception().code() != ErrorCode::kOutOfMemory) throw;
    return std::nullopt;
  }
}

void SampleJob::finish_picture(size_t picture, const at::Tensor& latent) {
  check_cancelled();
  if (told_ == picture) {
    emit_(event("decode", picture), {});
    ++told_;
  }
  const at::Tensor image = decode(latent);
  SVG_CHECK(image.isfinite().all().item<bool>(), ErrorCode::kNumeric, "the decoded picture holds NaN or infinity");
  pictures_[concat("image.", picture)] = to_pixels(image);
  if (request_.return_latents) pictures_[concat("latent.", picture)] = latent.to(at::kCPU);
  if (request_.return_decoded) pictures_[concat("decoded.", picture)] = image.to(at::kCPU);
}

JobResult SampleJob::finish() {
  const SampledLatents sampled = task_->result();
  if (!sample_seconds_) sample_seconds_ = watch_.lap();
  if (model_.device().is_cpu() && sampled.latents[0].numel() / model_.channels() >= kManyCells) {
    give_back_free_memory();  // of the steps: the decoder's maps are large
  }
  for (; decoded_ < sampled.latents.size(); ++decoded_) finish_picture(decoded_, sampled.latents[decoded_]);
  JobResult result{Json::object(), std::move(pictures_)};
  result.value.set("timings", Json::object()
                                  .set("encode", encode_seconds_)
                                  .set("sample", *sample_seconds_)
                                  .set("model", sampled.model_seconds)
                                  .set("decode", watch_.lap()));
  Json::Array counts;
  for (size_t i = 0; i < sampled.evaluations.size(); ++i) {
    const VelocityCounts &computed = sampled.evaluations[i], &reused = sampled.reused[i];
    counts.push_back(Json::object()
                         .set("conditional", computed.conditional)
                         .set("unconditional", computed.unconditional)
                         .set("reused", reused.conditional + reused.unconditional));
  }
  result.value.set("evaluations", Json(std::move(counts)));
  return result;
}

}  // namespace svg
