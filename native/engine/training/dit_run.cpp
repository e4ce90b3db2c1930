#include "engine/training/dit_run.h"

#include <algorithm>
#include <utility>

#include "core/cancel.h"
#include "core/rng.h"
#include "core/transfer.h"
#include "diffusion/time_shift.h"
#include "engine/device.h"
#include "engine/drawing_memory.h"
#include "engine/models.h"
#include "engine/training/live_features.h"
#include "engine/training/losses.h"
#include "engine/training/memory_plan.h"
#include "engine/training/options.h"
#include "models/catalogue.h"
#include "models/work.h"
#include "ops/block_runner.h"
#include "train/draws.h"

namespace svg {
namespace {

TimeSampling time_sampling(const Request& request) {
  const std::string& kind = request.at("kind").as_string();
  SVG_CHECK(kind == "lognormal" || kind == "uniform", ErrorCode::kInvalidArgument, "unknown time.kind \"", kind,
            "\": known are lognormal, uniform");
  TimeSampling sampling;
  sampling.kind = kind == "uniform" ? TimeSampling::Kind::kUniform : TimeSampling::Kind::kLogNormal;
  sampling.low = request.at("low").as_double();
  sampling.high = request.at("high").as_double();
  sampling.mean = request.at("mean").as_double();
  sampling.shift_tokens = request.at("shiftTokens").as_int();
  sampling.shift = request.at("shift").as_double();
  return sampling;
}

DitTrainerOptions trainer_options(const Request& request, const EngineModels& state) {
  DitTrainerOptions options;
  options.optimizer = adamw_options(request.at("optimizer"));
  options.grad_clip = request.at("optimizer").at("gradClip").as_double();
  options.ema = ema_options(request.at("ema"));
  options.precision = parse_dtype(request.at("precision").as_string(), state.device);
  const DitLoss& losses = find_dit_loss(request.at("losses").as_string());
  options.losses = losses.of;
  options.optimizer.fused = losses.fused;
  options.group = state.group.get();
  options.sync = sync_options(request);
  return options;
}

/// Of what is free, that much may be planned with: a count is no measurement.
constexpr double kPlannedShare = 0.85;

/// What the activations of a step may take: a limit, or what is left beside the gradients that are yet to come.
int64_t activation_budget(const Request& request, const EngineModels& state, int64_t parameters) {
  if (const Request* limit = request.find("limitBytes")) return limit->as_int();
  const int64_t free = free_memory(state.device);
  if (free <= 0) return 0;
  const int64_t gradients = parameters * 2 * kFloatBytes;
  // The processes of a run share a CPU's memory; of GPUs each has its own.
  const int64_t sharing = state.device.is_cpu() && state.group ? state.group->world() : 1;
  return std::max<int64_t>(1, static_cast<int64_t>(kPlannedShare * static_cast<double>(free / sharing - gradients)));
}

/// {"mode": "off" | "on" | "auto", "pictures": of a micro-batch, "rows", "columns": cells of one, "tokens": of its
/// caption, "limitBytes"?}
MemoryPlan activation_plan(const Request& request, const EngineModels& state, const VelocityPlan& plan,
                           at::ScalarType precision, int64_t parameters) {
  const std::string& mode = request.at("mode").as_string();
  SVG_CHECK(mode == "off" || mode == "on" || mode == "auto", ErrorCode::kInvalidArgument,
            "unknown activationCheckpointing \"", mode, "\": known are off, on, auto");
  PictureLoad one;
  one.cells = {request.at("rows").as_int(), request.at("columns").as_int()};
  one.tokens = request.at("tokens").as_int();
  VelocityLoad load;
  load.pictures.assign(static_cast<size_t>(request.at("pictures").as_int()), one);
  load.guided = false;
  load.element_bytes = static_cast<int64_t>(c10::elementSize(precision));
  const int64_t budget = activation_budget(request, state, parameters);
  const TrainingMemory memory = plan.training_memory(load);
  return mode == "auto" && budget > 0 ? plan_within(memory, budget) : plan_of_all(memory, mode == "on");
}

void check_against(const EngineModels& state, const VelocityPlan& plan) {
  if (!plan.can_train) {
    std::string known;
    for (const VelocityKind& kind : velocity_kinds()) {
      const bool trains = kind.from_json(Json::object()).can_train;
      if (trains) known += (known.empty() ? "" : ", ") + kind.name;
    }
    throw Error(ErrorCode::kInvalidConfig, concat("a ", plan.kind, " is drawn with alone: it cannot be trained"),
                "Set model.kind to one that can: " + known);
  }
  if (state.autoencoder && state.autoencoder->config().decoder.own_statistics) {
    throw Error(ErrorCode::kInvalidConfig, "the latents of a representation autoencoder (RAE) cannot be trained on yet",
                "Use an SVG autoencoder as the frozen one.");
  }
  const int64_t channels = require(state.statistics, "feature statistics").channels();
  SVG_CHECK(channels == plan.channels, ErrorCode::kWeightsMismatch, "the model draws latents of ", plan.channels,
            " channels, the feature statistics hold ", channels);
}

}  // namespace

DitRun::DitRun(const EngineModels& state, const Request& request, StartReport& report)
    : is_first_(!state.group || state.group->rank() == 0), seed_(request.at("seed").as_int()) {
  const Json model = request.at("model").as_config();
  const VelocityKind& kind = velocity_kind_of(model);
  plan_ = kind.from_json(model);
  check_against(state, plan_);
  if (const Request* shards = request.find("cache")) {
    cache_ = std::make_unique<FeatureCache>(shards->as_string_list());
  }
  trainer_ = std::make_unique<DitTrainer>(plan_.build, TensorMap{}, trainer_options(request, state),
                                          seeded_generator(seed_), state.device);
  const Request& activations = request.at("activationCheckpointing");
  const at::ScalarType precision = parse_dtype(request.at("precision").as_string(), state.device);
  int64_t parameters = 0;
  for (const auto& entry : trainer_->parameters()) parameters += entry.second.numel();
  const MemoryPlan kept = activation_plan(activations, state, plan_, precision, parameters);
  if (!kept.recomputed.empty()) trainer_->set_runner(recomputed_blocks(kept.recomputed));
  report.activations = kept.to_json();
  TensorMap start = read_start(request, report.remarks);
  // Fixed tensors are written again with every export.
  const TensorMap fixed = plan_.fixed_tensors();
  std::erase_if(start, [&](const auto& entry) { return kind.spares(entry.first) || fixed.contains(entry.first); });
  trainer_->start_from(fitting_start(start, trainer_->parameters(), report));
  request.check_all_read();
  agree_on_weights(state, "initial weights", trainer_->parameters());
}

DitRun::CachePlace DitRun::place(const Request& request) const {
  SVG_CHECK(cache_, ErrorCode::kInvalidArgument, "a sample names a shard, but no cache was given");
  return {request.at("shard").as_int(), request.at("row").as_int()};
}

DitRun::ConditionSource DitRun::condition(const Request& request, const TensorMap& tensors) const {
  if (request.find("shard")) return {{}, place(request)};
  return {condition_input(request, plan_.condition, tensors), {}};
}

DitRun::Step DitRun::parse(const Request& request, const TensorMap& tensors) const {
  Step step;
  step.lr = request.at("lr").as_double();
  step.global_batch = request.at("globalBatch").as_int();
  step.caption_dropout = request.at("captionDropout").as_double();
  step.time = time_sampling(request.at("time"));
  step.dropped = condition(request.at("drop"), tensors);
  for (const Request& micro : request.at("micro").as_array()) {
    std::vector<Item>& items = step.micro.emplace_back();
    for (const Request& json : micro.as_array()) {
      Item& item = items.emplace_back();
      item.draw = json.at("draw").as_int();
      if (const Request* image = json.find("image")) {
        item.image = image->as_string();
      } else {
        item.latent = place(json);
      }
      item.condition = condition(json, tensors);
    }
  }
  request.check_all_read();
  return step;
}

std::vector<at::Tensor> DitRun::latents(const EngineModels& state, const std::vector<Item>& items,
                                        const TensorMap& tensors) const {
  std::vector<at::Tensor> latents(items.size());
  std::vector<std::string> images;
  std::vector<size_t> places;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].image.empty()) {
      latents[i] = cache_->latent(items[i].latent.shard, items[i].latent.row);
    } else {
      images.push_back(items[i].image);
      places.push_back(i);
    }
  }
  const std::vector<at::Tensor> encoded =
      images.empty() ? std::vector<at::Tensor>() : encode_images(state, tensors, images);
  for (size_t k = 0; k < places.size(); ++k) latents[places[k]] = encoded[k];
  for (at::Tensor& latent : latents)
    latent = state.statistics->normalised(sent_to(latent, state.device).to(at::kFloat));
  return latents;
}

std::vector<at::Tensor> DitRun::conditions(EngineModels& state, const std::vector<ConditionSource>& sources) const {
  std::vector<at::Tensor> conditions(sources.size());
  std::vector<ConditionInput> inputs;
  std::vector<size_t> places;
  for (size_t i = 0; i < sources.size(); ++i) {
    if (sources[i].input.empty()) {
      conditions[i] = sent_to(cache_->condition(sources[i].place.shard, sources[i].place.row), state.device);
      if (at::isFloatingType(conditions[i].scalar_type())) conditions[i] = conditions[i].to(at::kFloat);
    } else {
      inputs.push_back(sources[i].input);
      places.push_back(i);
    }
  }
  const std::vector<at::Tensor> encoded = encode_conditions(state, plan_.condition, inputs);
  for (size_t k = 0; k < places.size(); ++k) conditions[places[k]] = encoded[k];
  return conditions;
}

std::vector<DitRun::Sample> DitRun::samples(EngineModels& state, const Step& step, const std::vector<Item>& items,
                                            const TensorMap& tensors) const {
  const std::vector<at::Tensor> data = latents(state, items, tensors);
  std::vector<ConditionSource> conditioned;
  std::vector<Sample> samples(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    at::Generator generator = draw_generator(seed_, items[i].draw);
    const bool dropped = at::rand({}, generator, at::TensorOptions()).item<double>() < step.caption_dropout;
    conditioned.push_back(dropped ? step.dropped : items[i].condition);
    samples[i].t = sample_times(step.time, 1, generator).item<double>();
    samples[i].data = data[i];
    samples[i].noise = sent_to(at::randn(data[i].sizes(), generator, at::TensorOptions()), state.device);
  }
  const std::vector<at::Tensor> encoded = conditions(state, conditioned);
  for (size_t i = 0; i < items.size(); ++i)
    samples[i].condition =
        plan_.condition.of == ConditionKind::Of::kText ? sent_to(encoded[i], state.device) : encoded[i];
  // Equal lengths side by side go through attention as one batch.
  std::stable_sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) {
    return std::make_pair(a.data.numel(), a.condition.size(0)) < std::make_pair(b.data.numel(), b.condition.size(0));
  });
  return samples;
}

void DitRun::step(EngineModels& state, const Request& request, const TensorMap& tensors) {
  const Step step = parse(request, tensors);
  SVG_CHECK(step.global_batch > 0, ErrorCode::kInvalidArgument, "a batch of ", step.global_batch, " samples");
  const auto whole = static_cast<double>(step.global_batch);
  trainer_->optimizer().options().lr = step.lr;
  Numbers numbers;
  try {
    at::Tensor sum = at::zeros({1}, at::TensorOptions(state.device).dtype(at::kDouble));
    for (const std::vector<Item>& micro : step.micro) {
      check_cancelled();
      const std::vector<Sample> drawn = samples(state, step, micro, tensors);
      numbers.watch.lap("encode");
      DitBatch batch;
      std::vector<float> times;
      for (const Sample& sample : drawn) {
        batch.data.push_back(sample.data);
        batch.noise.push_back(sample.noise);
        batch.conditions.push_back(sample.condition);
        times.push_back(static_cast<float>(sample.t));
        numbers.times.push_back(sample.t);
      }
      batch.t = sent_to(at::tensor(times), state.device);
      numbers.losses.push_back(
          trainer_->accumulate(batch, static_cast<double>(drawn.size()) / whole, &micro == &step.micro.back()));
      sum += numbers.losses.back().sum();
      numbers.watch.lap("gradients");
    }
    trainer_->reduce();
    if (state.group) numbers.watch.lap("reduce");
    numbers.result = trainer_->apply();
    numbers.loss = trainer_->sum_over_ranks(sum) / whole;
    numbers.watch.lap("update");
  } catch (...) {
    trainer_->discard();
    throw;
  }
  unreported_.push_back(std::move(numbers));
}

Json DitRun::report() {
  Json steps = Json::array();
  for (const Numbers& numbers : std::exchange(unreported_, {})) {
    const at::Tensor losses = at::cat(numbers.losses).cpu();
    Json samples = Json::array();
    for (size_t i = 0; i < numbers.times.size(); ++i) {
      samples.push_back(Json(Json::Array{numbers.times[i], losses.const_data_ptr<double>()[i]}));
    }
    steps.push_back(Json::object()
                        .set("losses", Json::object().set("loss", numbers.loss.item<double>()))
                        .set("gradNorm", numbers.result.grad_norm())
                        .set("applied", numbers.result.applied())
                        .set("samples", std::move(samples))
                        .set("milliseconds", numbers.watch.to_json()));
  }
  return steps;
}

void DitRun::restore(const TensorMap& state) {
  unreported_.clear();
  trainer_->load_state(state);
}

TensorMap DitRun::weights(TrainedWeights kind) const {
  TensorMap weights;
  if (kind == TrainedWeights::kEma) weights = trainer_->gather_ema();
  if (!is_first_) return weights;
  if (kind == TrainedWeights::kRaw) {
    for (const auto& [name, parameter] : trainer_->parameters()) weights[name] = parameter.detach();
  }
  weights.merge(plan_.fixed_tensors());
  return weights;
}

void DitRun::publish(EngineModels& state, TrainedWeights kind, at::ScalarType dtype) const {
  TensorMap copies;
  for (const auto& [name, tensor] : weights(kind)) copies[name] = tensor.clone();
  if (!is_first_) return;
  const auto source = std::make_shared<MapSource>(std::move(copies), "the weights in training", state.device, dtype);
  state.velocity_model = plan_.build(Weights(source));
  state.velocity_work = plan_.work;
  state.conditions.clear();
}

}  // namespace svg
