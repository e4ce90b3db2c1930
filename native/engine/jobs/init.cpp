// Fresh weights under published names: what training starts from, and what small releases are made of.
#include "core/error.h"
#include "core/random_weights.h"
#include "core/rng.h"
#include "engine/jobs.h"
#include "io/write_state_dict.h"
#include "models/autoencoder.h"
#include "models/catalogue.h"

namespace svg::jobs {
namespace {

/// Keeps what it drew, by name.
class RecordedWeights : public RandomWeights {
 public:
  using RandomWeights::RandomWeights;

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    return state[name] = RandomWeights::find(name, shape, init, role);
  }

  TensorMap state;
};

template <typename Model>
void touch(Model&) {}

// What reads prompts asks for its head when it first writes.
void touch(Conditioner& model) {
  if (TextWriter* writer = model.writer()) writer->generate({0}, 1, {});
}

template <typename Plan>
TensorMap built_below(const std::string& prefix, const Weights& weights, const Plan& plan) {
  plan.build(weights.scope(prefix));
  TensorMap fixed;
  for (const auto& [name, tensor] : plan.fixed_tensors()) fixed[concat(prefix, ".", name)] = tensor;
  return fixed;
}

TensorMap build_part(const std::string& model, const Json& config, const Weights& weights) {
  std::string known = "autoencoder, statistics";
  const auto built = [&](const auto& kinds) -> std::optional<TensorMap> {
    for (const auto& kind : kinds) {
      known += ", " + kind.name;
      if (!same_kind(kind.name, model)) continue;
      const auto plan = kind.from_json(config);
      touch(*plan.build(weights));
      return plan.fixed_tensors();
    }
    return std::nullopt;
  };
  if (auto fixed = built(encoder_kinds())) return *fixed;
  if (auto fixed = built(decoder_kinds())) return *fixed;
  if (auto fixed = built(velocity_kinds())) return *fixed;
  if (auto fixed = built(conditioner_kinds())) return *fixed;
  throw Error(ErrorCode::kInvalidArgument, concat("unknown model \"", model, "\": known are ", known));
}

// Building a model asks the source for every parameter, and so draws it. Returns what no initialiser gives.
TensorMap build(const std::string& model, const Json& config, const Weights& weights) {
  if (model == "autoencoder") {
    const AutoencoderConfig parts = AutoencoderConfig::from_json(config);
    TensorMap fixed = built_below("decoder", weights, parts.decoder);
    if (parts.residual) {
      parts.residual->build(residual_kind(parts.residual->kind).under_own_names(weights.scope("extra_vit")));
    }
    if (parts.encoder) fixed.merge(built_below("encoder", weights, *parts.encoder));
    return fixed;
  } else {
    return build_part(model, config, weights);
  }
  return {};
}

// Mean 0 and deviation 1 for every layer: latents pass unchanged.
TensorMap neutral_statistics(const Request& config) {
  const std::vector<int64_t> shape = {config.at("layers").as_int(), config.at("channels").as_int()};
  return {{"mean", at::zeros(shape)}, {"std", at::ones(shape)}};
}

}  // namespace

/// {"model", "config", "seed", "path", "values": "initial" | "random", "nesting"?: key that wraps the state dict in a
/// torch file} -> {"parameters"}. The path's ending chooses the format: .safetensors, or else as torch.save writes.
JobResult init_weights(EngineState&, const Request& request, const TensorMap&, const EventSink&) {
  const std::string& model = request.at("model").as_string();
  const bool random = request.at("values").as_string() == "random";
  const int64_t seed = request.at("seed").as_int();
  TensorMap state;
  if (model == "statistics") {
    state = neutral_statistics(request.at("config"));
  } else {
    const auto source = std::make_shared<RecordedWeights>(
        seeded_generator(seed), random ? RandomWeights::Values::kRandom : RandomWeights::Values::kInitial);
    state = build(model, request.at("config").as_config(), Weights(source));
    state.merge(source->state);
  }
  int64_t parameters = 0;
  for (const auto& entry : state) parameters += entry.second.numel();
  std::vector<std::string> nesting;
  if (const Request* key = request.find("nesting")) nesting = {key->as_string()};
  write_state_dict(request.at("path").as_string(), state, nesting);
  return {Json::object().set("parameters", parameters), {}};
}

}  // namespace svg::jobs
