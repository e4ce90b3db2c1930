#include "engine/training/autoencoder_run.h"

#include <c10/core/GradMode.h>

#include <utility>

#include "core/cancel.h"
#include "core/rng.h"
#include "engine/device.h"
#include "engine/encoder_source.h"
#include "engine/measure/networks.h"
#include "engine/models.h"
#include "engine/pixels.h"
#include "engine/training/options.h"
#include "io/identify.h"
#include "io/model_config.h"
#include "models/catalogue.h"
#include "train/state.h"

namespace svg {
namespace {

const char* const kFrozenResidual = "frozen.extra_vit.";
/// Stands in the state of a run whose frozen encoder came from the weights it began with, not from a file of its own.
const char* const kOwnEncoder = "frozen.encoder.own";
/// Where the original's checkpoints keep the discriminator.
const char* const kDiscriminator = "loss.discriminator.";

Weights open_weights(const Request& part, const char* wanted, at::Device device, Json& remarks) {
  const std::string& path = part.at("path").as_string();
  std::shared_ptr<Checkpoint> checkpoint = open_model(path, wanted);
  if (!checkpoint->remark().empty()) remarks.push_back(concat(path, ": ", checkpoint->remark()));
  return Weights(std::make_shared<CheckpointSource>(std::move(checkpoint), device, at::kFloat));
}

/// The file may say more of the encoder than the run's configuration can.
EncoderPlan settled_encoder(const EncoderPlan& said, const Json& configuration, const Weights& weights,
                            const std::string& path) {
  const EncoderKind& kind = encoder_kind(said.kind);
  if (const EncoderKind* found = recognise_encoder(weights)) {
    SVG_CHECK(found->name == kind.name, ErrorCode::kWeightsMismatch, path, " holds a ", found->title,
              ", model.encoder describes a ", kind.title);
  }
  return kind.infer(
      weights, [&] { return read_model_config(path); }, configuration);
}

/// The encoder inside `start`, below "encoder."; none where it is another model than the configuration describes.
std::optional<EncoderPlan> described_inside(const EncoderPlan& said, const Json& configuration, const Weights& start) {
  const Weights inside = start.scope("encoder");
  const EncoderKind* held = recognise_encoder(inside);
  if (!held || !same_encoder_sizes(held->infer(inside, {}, Json()), said)) return std::nullopt;
  return held->infer(inside, {}, configuration);
}

TrainableAutoencoderOptions model_options(const Request& request, at::Device device) {
  TrainableAutoencoderOptions options;
  options.model = AutoencoderConfig::from_json(request.at("model").as_config());
  options.train_encoder = request.at("trainEncoder").as_bool();
  options.freeze_residual = request.at("freezeResidual").as_bool();
  options.mask_ratio = request.at("maskRatio").as_double();
  options.latent_noise = request.at("latentNoise").as_double();
  options.precision = parse_dtype(request.at("precision").as_string(), device);
  options.seed = request.at("seed").as_int();
  return options;
}

AutoencoderTrainer::Options trainer_options(const EngineModels& state, const Request& request) {
  AutoencoderTrainer::Options options;
  options.loss = AutoencoderLossOptions::from_request(request.at("loss"));
  options.optimizer = adamw_options(request.at("optimizer"));
  options.grad_clip = request.at("optimizer").at("gradClip").as_double();
  options.ema = ema_options(request.at("ema"));
  options.optimizer.fused = find_reconstruction_path(request.at("losses").as_string()).fused;
  options.group = state.group.get();
  options.sync = sync_options(request);
  return options;
}

/// What `start` holds for the trained parts: no frozen ones, no buffers, nothing that the original keeps beside.
TensorMap for_training(const TensorMap& start, const TrainableAutoencoder& model) {
  std::vector<std::string> others = {"loss.", "norm_vit."};
  const EncoderKind& encoder = encoder_kind(model.config().encoder->kind);
  const auto& branch = model.config().residual;
  const ResidualKind* residual = branch ? &residual_kind(branch->kind) : nullptr;
  if (model.frozen_encoder()) others.push_back("encoder.");
  if (model.frozen_residual()) others.push_back("extra_vit.");
  TensorMap rest;
  for (const auto& [name, tensor] : start) {
    const auto begins = [&name = name](const std::string& prefix) { return name.rfind(prefix, 0) == 0; };
    const bool buffer = model.trained()->buffers().count(name) != 0;
    const bool spare = (name.starts_with("encoder.") && encoder.spares(name.substr(8))) ||
                       (residual && name.starts_with("extra_vit.") && residual->spares(name.substr(10)));
    if (!buffer && !spare && std::none_of(others.begin(), others.end(), begins)) rest[name] = tensor;
  }
  return rest;
}

std::optional<AutoencoderTrainer::Adversary> adversary(const AutoencoderLossOptions& loss, const TensorMap& start,
                                                       int64_t seed, at::Device device) {
  if (!loss.adversarial()) return std::nullopt;
  return AutoencoderTrainer::Adversary{
      std::make_shared<TrainableSource>(below(start, kDiscriminator), seeded_generator(seed), device), {}};
}

}  // namespace

AutoencoderRun::AutoencoderRun(const EngineModels& state, const Request& request, StartReport& report)
    : is_first_(!state.group || state.group->rank() == 0),
      path_(find_reconstruction_path(request.at("losses").as_string())) {
  TensorMap start = read_start(request, report.remarks);
  TrainableAutoencoderOptions options = model_options(request, state.device);
  std::optional<Weights> encoder;
  if (const Request* file = request.find("encoder")) {
    const std::string path = file->at("path").as_string();
    const Json configuration = request.at("model").as_config();
    const EncoderChoice choice = choose_encoder(Weights(std::make_shared<MapSource>(start, "the weights")), path);
    const auto remark = [&](const std::string& text) {
      report.remarks.push_back(concat(request.at("start").at("path").as_string(), ": ", text));
    };
    const auto forget_inside = [&] {
      std::erase_if(start, [](const auto& entry) { return entry.first.starts_with("encoder."); });
    };
    if (!choice.remark.empty()) {
      remark(choice.remark);
      forget_inside();
    }
    if (choice.inside && options.model.encoder) {
      const auto inside = described_inside(*options.model.encoder, configuration.at("encoder"),
                                           Weights(std::make_shared<MapSource>(start, "the weights")));
      own_encoder_ = inside.has_value();
      if (inside) {
        options.model.encoder = inside;
        remark(concat("the encoder in it was trained, so that ", path, " is not used"));
      } else {
        forget_inside();
        remark(concat("the encoder in it is not what model.encoder describes: that of ", path, " is used"));
      }
    }
    if (own_encoder_) {
      unused_encoder_path_ = path;
    } else {
      encoder = open_weights(*file, "a vision encoder", state.device, report.remarks);
    }
    if (encoder && options.model.encoder) {
      options.model.encoder = settled_encoder(*options.model.encoder, configuration.at("encoder"), *encoder, path);
    }
  }
  model_ = std::make_unique<TrainableAutoencoder>(options, start, encoder, state.device);
  if (encoder) {
    const EncoderKind& kind = encoder_kind(options.model.encoder->kind);
    refuse_unknown_tensors(*encoder, "a " + kind.title, [&](const std::string& name) { return kind.spares(name); });
  }
  TensorMap given = for_training(start, *model_);
  if (encoder && !given.empty()) {  // what the file gives is not missing
    for (const auto& [name, parameter] : model_->trained()->parameters()) {
      if (name.starts_with("encoder.")) given[name] = parameter;
    }
  }
  fitting_start(given, model_->trained()->parameters(), report);
  encoder_of_file_ = encoder.has_value();

  const AutoencoderTrainer::Options training = trainer_options(state, request);
  LossParts parts;
  if (const Request* file = request.find("lpips")) {
    const std::string& path = file->at("path").as_string();
    parts.lpips = open_lpips(path, path, state.device, report.remarks);
  }
  const auto against = adversary(training.loss, start, options.seed, state.device);
  trainer_ = std::make_unique<AutoencoderTrainer>(model_->trained(), model_->last_weight(), against, std::move(parts),
                                                  training);
  request.check_all_read();
  agree_on_weights(state, "initial weights", model_->trained()->parameters());
  if (against) agree_on_weights(state, "initial discriminator", against->source->parameters());
}

void AutoencoderRun::step(EngineModels& state, const Request& request, const TensorMap& tensors) {
  const std::vector<int64_t> draws = request.at("draws").as_int_list();
  const std::vector<std::string> images = request.at("images").as_string_list();
  const int64_t count = static_cast<int64_t>(images.size());
  const int64_t whole = request.at("globalBatch").as_int(), micro = request.at("microBatch").as_int();
  SVG_CHECK(count > 0 && images.size() == draws.size() && whole >= count && micro > 0, ErrorCode::kInvalidArgument,
            count, " images, ", draws.size(), " draws, micro-batches of ", micro, ", a whole batch of ", whole);
  trainer_->set_lr(request.at("lr").as_double());
  request.check_all_read();
  Step step;
  try {
    for (int64_t begin = 0; begin < count; begin += micro) {
      check_cancelled();
      std::vector<Sample> samples;
      for (int64_t i = begin; i < std::min(begin + micro, count); ++i) {
        const auto index = static_cast<size_t>(i);
        samples.push_back({draws[index], images[index]});
      }
      const double share = static_cast<double>(samples.size()) / static_cast<double>(whole);
      accumulate(state, samples, tensors, share, /*last=*/begin + micro >= count);
    }
    step.watch.lap("gradients");
    trainer_->reduce();
    if (state.group) step.watch.lap("reduce");
    step.numbers = trainer_->apply();
    step.watch.lap("update");
  } catch (...) {
    trainer_->discard();
    throw;
  }
  unreported_.push_back(std::move(step));
}

Json AutoencoderRun::report() {
  Json steps = Json::array();
  for (const Step& step : std::exchange(unreported_, {})) {
    const AutoencoderStepResult result = step.numbers.read();
    steps.push_back(Json::object()
                        .set("losses", result.losses.to_json())
                        .set("gradNorm", result.grad_norm)
                        .set("applied", result.applied)
                        .set("milliseconds", step.watch.to_json()));
  }
  return steps;
}

void AutoencoderRun::accumulate(const EngineModels& state, const std::vector<Sample>& samples, const TensorMap& tensors,
                                double share, bool last) {
  struct Batch {
    std::vector<at::Tensor> pictures;
    std::vector<int64_t> draws;
  };
  std::map<std::vector<int64_t>, Batch> by_size;
  for (const Sample& sample : samples) {
    const auto found = tensors.find(sample.image);
    SVG_CHECK(found != tensors.end(), ErrorCode::kInvalidArgument, "the job has no tensor \"", sample.image, "\"");
    Batch& batch = by_size[found->second.sizes().vec()];
    check_pixels(found->second, sample.image);
    batch.pictures.push_back(found->second);
    batch.draws.push_back(sample.draw);
  }
  c10::AutoGradMode grad(true);
  std::vector<at::Tensor> images, reconstructions;
  for (const auto& entry : by_size) {
    images.push_back(from_pixels(entry.second.pictures, state.device));
    reconstructions.push_back(path_.reconstruct(*model_, images.back(), entry.second.draws));
  }
  trainer_->accumulate(images, reconstructions, share, last);
}

TensorMap AutoencoderRun::state() const {
  TensorMap state = trainer_->state();
  if (is_first_ && model_->frozen_residual()) add_below(state, kFrozenResidual, model_->frozen_residual()->kept());
  if (is_first_ && model_->frozen_encoder() && !encoder_of_file_) state[kOwnEncoder] = at::ones({1});
  return state;
}

void AutoencoderRun::restore(const TensorMap& state) {
  unreported_.clear();
  if (model_->frozen_encoder()) {
    const bool began_with_own = state.count(kOwnEncoder) != 0;
    if (began_with_own && encoder_of_file_) {
      throw Error(ErrorCode::kWeightsMismatch,
                  "the run began with the encoder of the weights in initFrom, and would go on with that of "
                  "encoder.weights",
                  "Put the weights that initFrom names back where they were.");
    }
    // Runs of earlier versions went by the file wherever there was one.
    if (!began_with_own && own_encoder_) take_encoder_of_file();
  }
  if (model_->frozen_residual()) model_->frozen_residual()->load(state, kFrozenResidual);
  trainer_->load_state(state);
}

void AutoencoderRun::take_encoder_of_file() {
  const EncoderPlan& plan = *model_->config().encoder;
  const auto checkpoint = open_model(unused_encoder_path_, "a vision encoder");
  const Weights file(std::make_shared<CheckpointSource>(checkpoint, at::kCPU, at::kFloat));
  model_->frozen_encoder()->load(published_encoder(encoder_kind(plan.kind).under_own_names(file), plan), "");
  own_encoder_ = false;
  encoder_of_file_ = true;
}

TensorMap AutoencoderRun::weights(TrainedWeights kind) const {
  TensorMap weights;
  const TensorMap trained = kind == TrainedWeights::kEma ? trainer_->gather_ema() : model_->trained()->parameters();
  if (!is_first_) return {};
  for (const auto& [name, tensor] : trained) weights[name] = tensor.detach();
  add_below(weights, "", model_->trained()->buffers());
  if (model_->frozen_encoder()) {
    add_below(weights, "encoder.", model_->config().encoder->fixed_tensors());
    add_below(weights, "encoder.", model_->frozen_encoder()->kept());
  }
  if (model_->frozen_residual()) add_below(weights, "extra_vit.", model_->frozen_residual()->kept());
  return weights;
}

void AutoencoderRun::publish(EngineModels& state, TrainedWeights kind, at::ScalarType dtype) const {
  TensorMap copies;
  for (const auto& [name, tensor] : weights(kind)) copies[name] = tensor.clone();
  if (!is_first_) return;
  const auto source = std::make_shared<MapSource>(std::move(copies), "the weights in training", state.device, dtype);
  state.autoencoder = std::make_unique<Autoencoder>(AutoencoderFiles{Weights(source)}, model_->config());
}

}  // namespace svg
