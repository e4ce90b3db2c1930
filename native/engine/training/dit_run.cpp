#include "engine/training/dit_run.h"

#include <cmath>
#include <numeric>

#include "core/cancel.h"
#include "core/rng.h"
#include "core/stopwatch.h"
#include "diffusion/time_shift.h"
#include "engine/device.h"
#include "engine/models.h"
#include "engine/training/live_features.h"
#include "engine/training/options.h"
#include "models/next_dit/next_dit.h"
#include "plain/plain_training.h"
#include "train/draws.h"

namespace svg {
namespace {

TimeSampling time_sampling(const Json& request) {
  const Json* given = request.find("time");
  if (!given) return {};
  TimeSampling sampling;
  sampling.kind = given->get_string("kind", "lognormal") == "uniform" ? TimeSampling::Kind::kUniform
                                                                      : TimeSampling::Kind::kLogNormal;
  sampling.low = given->get_double("low", sampling.low);
  sampling.high = given->get_double("high", sampling.high);
  sampling.mean = given->get_double("mean", sampling.mean);
  sampling.shift_tokens = given->get_int("shiftTokens", sampling.shift_tokens);
  return sampling;
}

DitTrainerOptions trainer_options(const Json& request, const EngineModels& state) {
  DitTrainerOptions options;
  options.optimizer = adamw_options(request, options.optimizer);
  options.grad_clip = request.get_double("gradClip", options.grad_clip);
  options.ema.decay = request.get_double("emaDecay", options.ema.decay);
  options.ema.warmup = request.get_bool("emaWarmup", false);
  options.precision = parse_dtype(request.get_string("precision", "fp32"), state.device);
  options.recompute_activations = request.get_bool("checkpointing", false);
  if (request.get_bool("plain", false)) {
    options.losses = plain_flow_matching_losses;
    options.optimizer.fused = false;
  }
  options.group = state.group.get();
  options.sync = sync_options(request);
  return options;
}

void check_against(const EngineModels& state, const VelocityModel& model) {
  const int64_t channels = require(state.statistics, "feature statistics").channels();
  SVG_CHECK(channels == model.channels(), ErrorCode::kWeightsMismatch, "the model draws latents of ", model.channels(),
            " channels, the feature statistics hold ", channels);
}

}  // namespace

DitRun::DitRun(const EngineModels& state, const Json& request, StartReport& report)
    : is_first_(!state.group || state.group->rank() == 0), seed_(request.get_int("seed", 0)) {
  require(state.statistics, "feature statistics");
  build_ = [config = NextDitConfig::from_json(request.at("model"))](const Weights& weights) {
    return std::make_unique<NextDit>(weights, config);
  };
  if (const Json* paths = request.find("cache")) {
    std::vector<std::string> shards;
    for (const Json& path : paths->as_array()) shards.push_back(path.as_string());
    cache_ = std::make_unique<FeatureCache>(shards);
  }
  trainer_ = std::make_unique<DitTrainer>(build_, TensorMap{}, trainer_options(request, state), seeded_generator(seed_),
                                          state.device);
  check_against(state, trainer_->model());
  trainer_->start_from(fitting_start(read_start(request, report.remarks), trainer_->parameters(), report));
  agree_on_weights(state, "initial weights", trainer_->parameters());
}

std::vector<at::Tensor> DitRun::latents(const EngineModels& state, const Json::Array& items,
                                        const TensorMap& tensors) const {
  std::vector<at::Tensor> latents(items.size());
  std::vector<std::string> images;
  std::vector<size_t> places;
  for (size_t i = 0; i < items.size(); ++i) {
    if (const Json* image = items[i].find("image")) {
      images.push_back(image->as_string());
      places.push_back(i);
    } else {
      SVG_CHECK(cache_, ErrorCode::kInvalidArgument, "a sample names a shard, but no cache was given");
      latents[i] = cache_->latent(items[i].at("shard").as_int(), items[i].at("row").as_int());
    }
  }
  const std::vector<at::Tensor> encoded =
      images.empty() ? std::vector<at::Tensor>() : encode_images(state, tensors, images);
  for (size_t k = 0; k < places.size(); ++k) latents[places[k]] = encoded[k];
  for (at::Tensor& latent : latents) latent = state.statistics->normalised(latent.to(state.device));
  return latents;
}

std::vector<at::Tensor> DitRun::conditions(EngineModels& state, const Json::Array& items,
                                           const TensorMap& tensors) const {
  const ConditionKind kind = trainer_->model().condition();
  std::vector<at::Tensor> conditions(items.size());
  std::vector<ConditionInput> inputs;
  std::vector<size_t> places;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].find("shard") && !items[i].find("tokens")) {
      SVG_CHECK(cache_, ErrorCode::kInvalidArgument, "a sample names a shard, but no cache was given");
      conditions[i] = cache_->condition(items[i].at("shard").as_int(), items[i].at("row").as_int());
    } else {
      inputs.push_back(condition_input(items[i], kind, tensors));
      places.push_back(i);
    }
  }
  const std::vector<at::Tensor> encoded = encode_conditions(state, kind, inputs);
  for (size_t k = 0; k < places.size(); ++k) conditions[places[k]] = encoded[k];
  return conditions;
}

std::vector<DitRun::Sample> DitRun::samples(EngineModels& state, const Json& request, const Json::Array& items,
                                            const TensorMap& tensors) const {
  const double dropout = request.get_double("captionDropout", 0);
  const TimeSampling sampling = time_sampling(request);
  std::vector<at::Tensor> data = latents(state, items, tensors);
  Json::Array conditioned = items;
  std::vector<Sample> samples(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    at::Generator generator = draw_generator(seed_, items[i].at("draw").as_int());
    const bool dropped = at::rand({}, generator, at::TensorOptions()).item<double>() < dropout;
    if (dropped) conditioned[i] = request.at("drop");
    samples[i].t = sample_times(sampling, 1, generator).item<double>();
    samples[i].data = data[i];
    samples[i].noise = at::randn(data[i].sizes(), generator, at::TensorOptions()).to(state.device);
  }
  const std::vector<at::Tensor> encoded = conditions(state, conditioned, tensors);
  for (size_t i = 0; i < items.size(); ++i) samples[i].condition = encoded[i].to(state.device);
  // Equal lengths side by side go through attention as one batch.
  std::stable_sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) {
    return std::make_pair(a.data.numel(), a.condition.size(0)) < std::make_pair(b.data.numel(), b.condition.size(0));
  });
  return samples;
}

Json DitRun::step(EngineModels& state, const Json& request, const TensorMap& tensors) {
  const int64_t global_batch = request.at("globalBatch").as_int();
  SVG_CHECK(global_batch > 0, ErrorCode::kInvalidArgument, "a batch of ", global_batch, " samples");
  const auto whole = static_cast<double>(global_batch);
  trainer_->optimizer().options().lr = request.at("lr").as_double();
  Stopwatch watch;
  double sum = 0;
  Json report = Json::array();
  StepResult result;
  try {
    const Json::Array& micros = request.at("micro").as_array();
    for (const Json& micro : micros) {
      check_cancelled();
      const std::vector<Sample> drawn = samples(state, request, micro.as_array(), tensors);
      watch.lap("encode");
      DitBatch batch;
      std::vector<float> times;
      for (const Sample& sample : drawn) {
        batch.data.push_back(sample.data);
        batch.noise.push_back(sample.noise);
        batch.conditions.push_back(sample.condition);
        times.push_back(static_cast<float>(sample.t));
      }
      batch.t = at::tensor(times).to(state.device);
      const std::vector<double> losses =
          trainer_->accumulate(batch, static_cast<double>(drawn.size()) / whole, &micro == &micros.back());
      watch.lap("gradients");
      for (size_t i = 0; i < losses.size(); ++i) {
        report.push_back(Json(Json::Array{drawn[i].t, losses[i]}));
        sum += losses[i];
      }
    }
    trainer_->reduce();
    if (state.group) watch.lap("reduce");
    result = trainer_->apply();
    sum = trainer_->sum_over_ranks(sum);
    watch.lap("update");
  } catch (...) {
    trainer_->discard();
    throw;
  }
  return Json::object()
      .set("loss", sum / whole)
      .set("gradNorm", result.grad_norm)
      .set("applied", result.applied)
      .set("samples", std::move(report))
      .set("milliseconds", watch.to_json());
}

TensorMap DitRun::weights(TrainedWeights kind) const {
  if (kind == TrainedWeights::kEma) return trainer_->gather_ema();
  TensorMap weights;
  if (!is_first_) return weights;
  for (const auto& [name, parameter] : trainer_->parameters()) weights[name] = parameter.detach();
  return weights;
}

void DitRun::publish(EngineModels& state, TrainedWeights kind, at::ScalarType dtype) const {
  TensorMap copies;
  for (const auto& [name, tensor] : weights(kind)) copies[name] = tensor.clone();
  if (!is_first_) return;
  const auto source = std::make_shared<MapSource>(std::move(copies), "the weights in training", state.device, dtype);
  state.velocity_model = build_(Weights(source));
  state.conditions.clear();
}

}  // namespace svg
