// Loads the parts of a pipeline, and refuses parts that do not belong together before any work starts.
#include <filesystem>

#include "core/cancel.h"
#include "core/system_memory.h"
#include "engine/device.h"
#include "engine/drawing_memory.h"
#include "engine/encoder_source.h"
#include "engine/jobs.h"
#include "engine/plans.h"
#include "engine/state.h"
#include "io/checkpoint.h"
#include "io/identify.h"
#include "io/mapped_file.h"
#include "io/model_config.h"
#include "models/autoguided.h"
#include "models/catalogue.h"
#include "models/joined_weights.h"
#include "ops/int8_weights.h"

namespace svg::jobs {
namespace {

/// Weights of one part, and what they are computed in.
struct OpenedWeights {
  Weights weights;
  Precision precision;
};

/// Opens weights for the models of one request, and collects what there is to say of the files.
class WeightFiles {
 public:
  Weights open(const std::string& path, const char* wanted, at::Device device, at::ScalarType dtype) {
    return source_of(opened(path, wanted), path, device, {dtype, /*int8=*/false});
  }
  /// The same for a kind that may compute in 8 bit.
  OpenedWeights open_for(const std::string& path, const char* wanted, at::Device device, const std::string& dtype) {
    std::shared_ptr<Checkpoint> checkpoint = opened(path, wanted);
    const Precision precision = parse_precision(dtype, device, find_int8_layout(*checkpoint).has_value());
    return {source_of(std::move(checkpoint), path, device, precision), precision};
  }
  void remark(const std::string& path, const std::string& text) {
    if (!text.empty()) remarks_.push_back(concat(path, ": ", text));
  }
  const Json& remarks() const { return remarks_; }

 private:
  std::shared_ptr<Checkpoint> opened(const std::string& path, const char* wanted) {
    std::shared_ptr<Checkpoint> checkpoint = open_model(path, wanted);
    remark(path, checkpoint->remark());
    return checkpoint;
  }
  Weights source_of(std::shared_ptr<Checkpoint> checkpoint, const std::string& path, at::Device device,
                    const Precision& precision) {
    Weights weights(std::make_shared<CheckpointSource>(std::move(checkpoint), device, precision.compute));
    if (weights.is_int8() && !precision.int8) {
      remark(path, concat("its 8-bit weights are multiplied out to ", precision.name()));
    }
    return weights;
  }

  Json remarks_ = Json::array();
};

/// What `kind` is built from: 8 bit where it takes it. Throws Error(kInvalidArgument) where it takes none at all.
template <typename Kind>
Weights computed_in(const Precision& precision, const Kind& kind, const Weights& own) {
  if (!precision.int8) return own;
  if (!kind.int8_matrix) {
    throw Error(ErrorCode::kInvalidArgument, concat(own.description(), ": a ", kind.title, " does not compute in int8"),
                "Use --dtype fp32 or bf16 for it.");
  }
  return int8_weights(own, kind.int8_choice());
}

// `device` may differ from the engine's: an offloaded text encoder stays on the CPU.
Json load_text_encoder(EngineState& state, WeightFiles& files, const Request& request, at::Device device,
                       const std::string& dtype) {
  const std::string& folder = request.at("path").as_string();
  const Json config = read_model_config(folder);
  SVG_CHECK(config.is_object(), ErrorCode::kFileNotFound, folder, " holds no config.json");
  const auto [weights, precision] = files.open_for(folder, "a text encoder", device, dtype);
  const ConditionerKind* found = recognise_conditioner(weights);
  // The first of the table says what is missing.
  const ConditionerKind& kind = found ? *found : conditioner_kinds().front();
  const Weights own = kind.under_own_names(weights);
  const Json said = Json::object().set("attentionSoftCap", request.at("attentionSoftCap").as_bool());
  const auto beside = [&] { return config; };
  auto conditioner = kind.infer(own, beside, said).build(computed_in(precision, kind, own));
  refuse_unknown_tensors(weights, kind.title, [&](const std::string& name) { return kind.spares(name); });
  state.text_encoder = std::move(conditioner);
  return state.text_encoder->facts().set("dtype", precision.name());
}

Json facts_of(const VelocityModel& model) {
  const ConditionKind condition = model.condition();
  Json facts = Json::object()
                   .set("channels", model.channels())
                   .set("parameters", model.parameter_count())
                   .set("patchSize", model.patch_size())
                   .set("stepCache", model.caches_steps())
                   .set("maxLatentRows", model.most_cells().rows)
                   .set("maxLatentColumns", model.most_cells().columns);
  if (const std::optional<Cells> usual = model.usual_cells()) {
    facts.set("latentRows", usual->rows).set("latentColumns", usual->columns);
  }
  if (condition.of == ConditionKind::Of::kClass)
    return facts.set("condition", "class").set("classes", condition.classes).set("noneClass", condition.none);
  return facts.set("condition", "text")
      .set("captionDim", condition.width)
      .set("maxCaptionTokens", condition.most_tokens);
}

struct BuiltVelocityModel {
  VelocityPlan plan;
  Precision precision;
  std::unique_ptr<VelocityModel> model;
};

// {"path", "config"?}
BuiltVelocityModel built_dit(WeightFiles& files, const Request& request, at::Device device, const std::string& dtype) {
  const std::string path = request.at("path").as_string();
  const Request* given = request.find("config");
  const Json said = given ? given->as_config() : Json::object();
  read_model_config(path);  // refuses quantised weights by what it says
  const auto [weights, precision] = files.open_for(path, "a diffusion transformer", device, dtype);
  const VelocityKind& kind = velocity_kind_in(weights, said);
  const Weights own = kind.under_own_names(weights);
  const auto beside = [&] { return read_model_config(path); };
  BuiltVelocityModel built{kind.infer(own, beside, said), precision, nullptr};
  files.remark(path, built.plan.remark);
  built.model = built.plan.build(computed_in(precision, kind, own));
  refuse_unknown_tensors(weights, "a " + kind.title, [&](const std::string& name) { return kind.spares(name); });
  return built;
}

Json load_dit(EngineState& state, WeightFiles& files, const Request& request, const std::string& dtype) {
  BuiltVelocityModel built = built_dit(files, request, state.device, dtype);
  state.velocity_work = built.plan.work;
  if (const Request* weak = request.find("weak")) {
    BuiltVelocityModel guide = built_dit(files, *weak, state.device, dtype);
    built.model = std::make_unique<Autoguided>(std::move(built.model), std::move(guide.model));
    state.velocity_work = [strong = built.plan.work, other = guide.plan.work](VelocityLoad load) {
      load.guided = false;
      Work work = strong(load);
      work.add(other(load));
      return work;
    };
  }
  state.velocity_model = std::move(built.model);
  return facts_of(*state.velocity_model)
      .set("kind", built.plan.kind)
      .set("description", built.plan.description)
      .set("dtype", built.precision.name());
}

// The yaml's dimensions against those of the weights: {"decoder": {...}, "residual": {...} or null}.
void check_autoencoder_config(const Json& config, const AutoencoderConfig& found, const std::string& path) {
  const std::string hint = concat("Use the yaml that belongs to this checkpoint: that of an Autoencoder-",
                                  found.residual ? "R" : "P", " of ", found.decoder.grid.channels, " channels, ",
                                  found.residual ? "with" : "without", " an extra_vit_config.");
  const Json* branch = config.find("residual");
  const bool residual = branch != nullptr;
  if (residual != found.residual.has_value()) {
    throw Error(ErrorCode::kWeightsMismatch,
                concat(path, " holds an Autoencoder-", found.residual ? "R" : "P",
                       ", its configuration describes an Autoencoder-", residual ? "R" : "P"),
                hint);
  }
  if (const Json* kind = residual ? branch->find("kind") : nullptr) {
    const std::string& said = residual_kind(kind->as_string()).name;
    if (said != found.residual->kind) {
      throw Error(ErrorCode::kWeightsMismatch,
                  concat(path, ": the residual branch is of kind \"", found.residual->kind,
                         "\", its configuration says \"", said, "\""),
                  "Leave vit_type out of the yaml: the weights tell, as with SVG's own files.");
    }
  }
  const Json* decoder = config.find("decoder");
  if (!decoder) return;
  const DecoderPlan said = decoder_plan(*decoder);
  SVG_CHECK(said.kind == found.decoder.kind, ErrorCode::kWeightsMismatch, path, " holds a ",
            decoder_kind(found.decoder.kind).title, ", its configuration describes a ", decoder_kind(said.kind).title);
  for (const auto& [key, wanted] : said.dimensions.as_object()) {
    const Json* got = found.decoder.dimensions.find(key);
    if (!decoder->find(key) || !got || got->dump() == wanted.dump()) continue;
    throw Error(ErrorCode::kWeightsMismatch,
                concat(path, ": the weights have ", key, " ", got->dump(), ", the configuration says ", wanted.dump()),
                hint);
  }
}

Json load_autoencoder(EngineState& state, WeightFiles& files, const Request& request, at::ScalarType dtype) {
  const std::string path = request.at("checkpoint").as_string();
  AutoencoderFiles parts{files.open(path, "an autoencoder", state.device, dtype)};
  parts.beside_checkpoint = [path] { return read_model_config(path); };
  const Request* encoder = request.find("encoder");
  const EncoderChoice choice = encoder ? choose_encoder(path, encoder->as_string()) : EncoderChoice();
  files.remark(path, choice.remark);
  if (encoder && !choice.inside) {
    const std::string encoder_path = encoder->as_string();
    parts.encoder = files.open(encoder_path, "a vision encoder", state.device, dtype);
    parts.beside_encoder = [encoder_path] { return read_model_config(encoder_path); };
  }
  if (const Request* statistics = request.find("statistics")) {
    const Weights cells = files.open(statistics->as_string(), "statistics of latents", state.device, at::kFloat);
    parts.checkpoint = joined_weights(parts.checkpoint, "statistics", cells);
  }
  const Request* said = request.find("config");
  const AutoencoderConfig config = AutoencoderConfig::infer(parts, said ? said->as_config() : Json());
  if (said) check_autoencoder_config(said->as_config(), config, path);
  auto autoencoder = std::make_unique<Autoencoder>(parts, config);
  Autoencoder::refuse_unknown(parts, config);
  state.autoencoder = std::move(autoencoder);
  const LatentGrid grid = state.autoencoder->grid();
  return Json::object()
      .set("kind", config.residual ? "R" : "P")
      .set("channels", grid.channels)
      .set("cellPixels", grid.cell_pixels)
      .set("encoder", config.encoder ? Json(config.encoder->kind) : Json())
      .set("decoder", config.decoder.kind)
      .set("canEncode", state.autoencoder->can_encode())
      .set("ownEncoder", config.encoder && !parts.encoder);
}

// {mean: [layers, C], std: [layers, C]}; row -1 is the encoder's last layer, whose features are the latents. SVG's
// file has one layer: {dinov3_sp_mean: [1, 1, C], dinov3_sp_std: [1, 1, C]}.
Json load_statistics(EngineState& state, const Request& request) {
  const std::string path = request.at("path").as_string();
  const auto checkpoint = open_checkpoint(path);
  const std::string prefix = checkpoint->has("dinov3_sp_mean") ? "dinov3_sp_" : "";
  const auto row = [&](const char* which) {
    const std::string name = prefix + which;
    const at::Tensor table = prefix.empty() ? checkpoint->read(name) : checkpoint->read(name).flatten(0, -2);
    SVG_CHECK(table.dim() == 2 && table.size(0) > 0, ErrorCode::kFileFormat, path, ": \"", name,
              "\" must be (layers, channels), not ", table.sizes());
    const int64_t layer = request.at("layer").as_int();
    const int64_t index = layer < 0 ? table.size(0) + layer : layer;
    SVG_CHECK(index >= 0 && index < table.size(0), ErrorCode::kInvalidArgument, path, " has ", table.size(0),
              " layers, layer ", layer, " was asked for");
    const at::Tensor values = table[index].to(at::kFloat);
    SVG_CHECK(values.isfinite().all().item<bool>(), ErrorCode::kFileFormat, path, ": \"", name,
              "\" holds NaN or infinity");
    return values.to(state.device, at::kFloat, /*non_blocking=*/false, /*copy=*/true).reshape({-1, 1, 1});
  };
  auto statistics = std::make_unique<FeatureStatistics>(FeatureStatistics{row("mean"), row("std")});
  SVG_CHECK(statistics->mean.sizes() == statistics->std.sizes(), ErrorCode::kFileFormat, path,
            ": mean and std differ in shape");
  state.statistics = std::move(statistics);
  return Json::object().set("channels", state.statistics->channels());
}

void check_parts_fit(const EngineState& state) {
  if (!state.velocity_model) return;
  const int64_t channels = state.velocity_model->channels();
  if (state.autoencoder && channels != state.autoencoder->grid().channels) {
    const bool residual = state.autoencoder->config().residual.has_value();
    throw Error(ErrorCode::kWeightsMismatch,
                concat("the DiT draws latents of ", channels, " channels, the autoencoder",
                       residual ? " (an Autoencoder-R)" : "", " decodes ", state.autoencoder->grid().channels),
                residual ? "The published DiT was trained on Autoencoder-P: use svg_autoencoder_P_stage3_1024.yaml."
                         : "Use the autoencoder that the DiT was trained on.");
  }
  if (state.statistics && channels != state.statistics->channels()) {
    throw Error(ErrorCode::kWeightsMismatch,
                concat("the DiT draws latents of ", channels, " channels, the feature statistics hold ",
                       state.statistics->channels()),
                "Use dinov3_s16p_layer_patchtoken_stats_dist.pt of the same release.");
  }
  const ConditionKind wanted = state.velocity_model->condition();
  if (!state.text_encoder || wanted.of != ConditionKind::Of::kText) return;
  const ConditionKind given = state.text_encoder->kind();
  if (given.width != wanted.width) {
    throw Error(ErrorCode::kWeightsMismatch,
                concat("the DiT reads captions of width ", wanted.width, ", the text encoder writes ", given.width),
                "Use the text encoder that the DiT was trained with (published: gemma-2-2b).");
  }
}

/// An error of loading: one of memory with what the weights take and what is free, others as they are.
Error told_of_weights(const Error& error, const Request& request, const std::string& dtype, at::Device device) {
  if (error.code() != ErrorCode::kOutOfMemory) return error;
  int64_t needed = 0;
  Precision precision;
  try {
    const PlannedParts parts = plan_parts(request);
    needed = parts.weight_bytes(dtype, device);
    precision = parts.dit ? parts.dit->precision(dtype, device) : parse_precision(dtype, device);
  } catch (...) {  // there may be too little memory to look at them
    return error;
  }
  const bool is_full = precision.compute == at::kFloat && !precision.int8;
  return Error(ErrorCode::kOutOfMemory,
               concat("too little memory on ", device.str(), ": the weights take about ", gigabytes(needed), " in ",
                      precision.name(), ", ", gigabytes(free_memory(device)), " are free (", error.what(), ")"),
               concat(!is_full ? "Try " : concat("Try --dtype bf16 (about ", gigabytes(needed / 2), "), or "),
                      device.is_cuda() ? "--offload, which keeps the text encoder out of the GPU, or " : "",
                      "a smaller model. `svg-t2i estimate` shows what fits."));
}

}  // namespace

/// {"checkpoint", "encoder": path} -> {"ownEncoder"}: whether `load` would take the encoder inside the checkpoint.
JobResult encoder_source(EngineState&, const Request& request, const TensorMap&, const EventSink&) {
  const std::string checkpoint = request.at("checkpoint").as_string(), encoder = request.at("encoder").as_string();
  return {Json::object().set("ownEncoder", choose_encoder(checkpoint, encoder).inside), {}};
}

/// {"dtype", "offload", "textEncoder"?: {"path", "attentionSoftCap"}, "dit"?: {"path", "config"?, "weak"?},
/// "autoencoder"?:
/// {"checkpoint", "encoder"?, "statistics"?, "config"?}, "statistics"?: {"path", "layer"}} -> the dimensions of what
/// was loaded, and "remarks" on the files. Parts that are not named stay as they are; a failed load leaves the engine
/// without the parts that it names.
JobResult load(EngineState& state, const Request& request, const TensorMap&, const EventSink& emit) {
  const std::string& dtype = request.at("dtype").as_string();
  const Precision precision = parse_precision(dtype, state.device);
  const at::Device text_device = request.at("offload").as_bool() ? at::Device(at::kCPU) : state.device;
  WeightFiles files;
  // Without a transformer and a text encoder there is nothing that is multiplied in 8 bit.
  const bool int8 = precision.int8 && (request.find("dit") || request.find("textEncoder"));
  const char* computed = int8 ? precision.name() : dtype_short_name(precision.compute);
  JobResult result{Json::object().set("device", state.device.str()).set("dtype", computed), {}};
  const auto part = [&](const char* name, auto& slot, auto loader) {
    const Request* part_request = request.find(name);
    if (!part_request) return;
    check_cancelled();
    slot.reset();
    state.conditions.clear();
    forget_closed_files();  // of the part that was there before
    emit(Json::object().set("type", "load").set("part", name), {});
    result.value.set(name, loader(*part_request));
  };
  try {
    part("statistics", state.statistics, [&](const Request& r) { return load_statistics(state, r); });
    part("autoencoder", state.autoencoder,
         [&](const Request& r) { return load_autoencoder(state, files, r, precision.compute); });
    part("dit", state.velocity_model, [&](const Request& r) { return load_dit(state, files, r, dtype); });
    part("textEncoder", state.text_encoder,
         [&](const Request& r) { return load_text_encoder(state, files, r, text_device, dtype); });
    check_parts_fit(state);
    request.check_all_read();
  } catch (...) {
    if (request.find("statistics")) state.statistics.reset();
    if (request.find("autoencoder")) state.autoencoder.reset();
    if (request.find("dit")) state.velocity_model.reset();
    if (request.find("textEncoder")) state.text_encoder.reset();
    throw told_of_weights(translate_current_exception(), request, dtype, state.device);
  }
  if (const Json* dit = result.value.find("dit")) result.value.set("dtype", dit->at("dtype"));
  give_back_free_memory();  // what was rounded or packed one after the other
  result.value.set("remarks", files.remarks());
  if (state.autoencoder) result.value.set("latentChannels", state.autoencoder->grid().channels);
  return result;
}

}  // namespace svg::jobs
