#include "engine/plans.h"

#include "io/checkpoint.h"
#include "io/identify.h"
#include "io/model_config.h"
#include "models/joined_weights.h"
#include "models/recognise.h"

namespace svg {
namespace {

/// Mapped: of the file its header alone is read.
Weights stored_weights(const std::string& path, const char* wanted) {
  return Weights(std::make_shared<CheckpointSource>(open_model(path, wanted), at::kCPU, at::kFloat));
}

const ConditionerKind& conditioner_kind_named(const std::string& name) {
  for (const ConditionerKind& kind : conditioner_kinds()) {
    if (same_kind(kind.name, name)) return kind;
  }
  throw Error(ErrorCode::kInvalidConfig, concat("no conditioner is called \"", name, "\""));
}

/// The plan and, of a model that is built over weights without numbers, what it takes.
template <typename Planned, typename Kind, typename Plan>
Planned counted_plan(const Kind& kind, Plan plan, std::optional<Weights> stored) {
  Planned planned;
  planned.stored_int8 = stored && stored->is_int8();
  const auto source = std::make_shared<CountedWeights>(std::move(stored), kind.int8_choice());
  const auto model = plan.build(Weights(source));
  planned.plan = std::move(plan);
  planned.weights = source->count();
  if constexpr (std::is_same_v<Planned, PlannedVelocity>) {
    planned.patch_size = model->patch_size();
    planned.most = model->most_cells();
    planned.usual = model->usual_cells();
  }
  return planned;
}

PlannedVelocity planned_velocity(const Request& request) {
  if (const Request* preset = request.find("preset")) {
    const VelocityKind& kind = velocity_kind(preset->at("kind").as_string());
    return counted_plan<PlannedVelocity>(kind, kind.from_json(preset->at("config").as_config()), std::nullopt);
  }
  const std::string path = request.at("path").as_string();
  const Request* config = request.find("config");
  const Json said = config ? config->as_config() : Json::object();
  const Weights weights = stored_weights(path, "a diffusion transformer");
  const VelocityKind& kind = velocity_kind_in(weights, said);
  const Weights own = kind.under_own_names(weights);
  PlannedVelocity planned = counted_plan<PlannedVelocity>(kind,
                                                          kind.infer(
                                                              own, [&] { return read_model_config(path); }, said),
                                                          own);
  return planned;
}

PlannedDecoder planned_autoencoder(const Request& request) {
  if (const Request* preset = request.find("preset")) {
    const DecoderKind& kind = decoder_kind(preset->at("kind").as_string());
    return counted_plan<PlannedDecoder>(kind, kind.from_json(preset->at("config").as_config()), std::nullopt);
  }
  const std::string path = request.at("checkpoint").as_string();
  AutoencoderFiles files{stored_weights(path, "an autoencoder")};
  files.beside_checkpoint = [path] { return read_model_config(path); };
  if (const Request* encoder = request.find("encoder")) {
    const std::string beside = encoder->as_string();
    files.encoder = stored_weights(beside, "a vision encoder");
    files.beside_encoder = [beside] { return read_model_config(beside); };
  }
  if (const Request* statistics = request.find("statistics")) {
    const Weights cells = stored_weights(statistics->as_string(), "statistics of latents");
    files.checkpoint = joined_weights(files.checkpoint, "statistics", cells);
  }
  const Request* said = request.find("config");
  const AutoencoderConfig config = AutoencoderConfig::infer(files, said ? said->as_config() : Json());
  const auto checkpoint = std::make_shared<CountedWeights>(files.checkpoint);
  const auto encoder = files.encoder ? std::make_shared<CountedWeights>(*files.encoder) : nullptr;
  files.checkpoint = Weights(checkpoint);
  if (encoder) files.encoder = Weights(encoder);
  const Autoencoder built(files, config);
  PlannedDecoder planned;
  planned.plan = config.decoder;
  planned.weights = checkpoint->count();
  if (encoder) planned.weights += encoder->count();
  return planned;
}

PlannedConditioner planned_text_encoder(const Request& request) {
  if (const Request* preset = request.find("preset")) {
    const ConditionerKind& kind = conditioner_kind_named(preset->at("kind").as_string());
    return counted_plan<PlannedConditioner>(kind, kind.from_json(preset->at("config").as_config()), std::nullopt);
  }
  const std::string& folder = request.at("path").as_string();
  const Json config = read_model_config(folder);
  SVG_CHECK(config.is_object(), ErrorCode::kFileNotFound, folder, " holds no config.json");
  const Weights weights = stored_weights(folder, "a text encoder");
  const ConditionerKind* found = recognise_conditioner(weights);
  const ConditionerKind& kind = found ? *found : conditioner_kinds().front();
  const Weights own = kind.under_own_names(weights);
  const Json said = Json::object().set("attentionSoftCap", request.at("attentionSoftCap").as_bool());
  return counted_plan<PlannedConditioner>(kind,
                                          kind.infer(
                                              own, [&] { return config; }, said),
                                          own);
}

}  // namespace

const VelocityKind& velocity_kind_in(const Weights& weights, const Json& said) {
  if (said.find("kind")) return velocity_kind_of(said);
  if (const VelocityKind* found = recognise_velocity_model(weights)) return *found;
  std::string known;
  for (const VelocityKind& kind : velocity_kinds()) known += (known.empty() ? "" : ", ") + kind.title;
  const std::optional<RecognisedModel> other = recognise_model(weights);
  throw Error(ErrorCode::kWeightsMismatch,
              concat(weights.description(), " holds no diffusion transformer",
                     other ? concat(": it is ", other->description) : " of a known kind"),
              "Known are: " + known + ". `svg-t2i inspect FILE` says what a file is.");
}

Precision PlannedWeights::precision(const std::string& dtype, at::Device device) const {
  Precision precision = parse_precision(dtype, device, stored_int8);
  if (weights.int8 == 0) precision.int8 = false;
  return precision;
}

int64_t PlannedWeights::bytes(const std::string& dtype, at::Device device) const {
  const Precision computed = precision(dtype, device);
  return computed.int8 ? weights.int8_bytes(computed.element_bytes()) : weights.bytes(computed.element_bytes());
}

int64_t PlannedParts::weight_bytes(const std::string& dtype, at::Device device) const {
  int64_t bytes = 0;
  const auto add = [&](const auto& part) {
    if (part) bytes += part->bytes(dtype, device);
  };
  add(dit);
  add(weak);
  add(autoencoder);
  add(text_encoder);
  return bytes;
}

PlannedParts plan_parts(const Request& request) {
  PlannedParts parts;
  if (const Request* dit = request.find("dit")) {
    parts.dit = planned_velocity(*dit);
    if (const Request* weak = dit->find("weak")) parts.weak = planned_velocity(*weak);
  }
  if (const Request* autoencoder = request.find("autoencoder")) parts.autoencoder = planned_autoencoder(*autoencoder);
  if (const Request* text = request.find("textEncoder")) parts.text_encoder = planned_text_encoder(*text);
  return parts;
}

}  // namespace svg
