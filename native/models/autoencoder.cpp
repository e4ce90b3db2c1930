#include "models/autoencoder.h"

#include <algorithm>

#include "core/error.h"
#include "models/catalogue.h"

namespace svg {
namespace {

constexpr double kAlignEps = 1e-6;

const ResidualKind* held_residual(const Weights& checkpoint) {
  return recognise_residual(checkpoint.scope("extra_vit"));
}

/// decoder.*, or the whole of a decoder's own file.
Weights decoder_of(const Weights& checkpoint) {
  const Weights inside = checkpoint.scope("decoder");
  return !recognise_decoder(inside) && recognise_decoder(checkpoint) ? checkpoint : inside;
}

bool has_decoder_alone(const Weights& checkpoint) {
  return !recognise_decoder(checkpoint.scope("decoder")) && recognise_decoder(checkpoint);
}

/// The entry that reads a part: the one that recognises its weights, else the one that the configuration names, which
/// then says what is missing.
template <typename Kind>
const Kind& reader_of(const Kind* recognised, const Json* said, const Kind& (*named)(const std::string&),
                      const char* usual) {
  if (recognised) return *recognised;
  const Json* kind = said ? said->find("kind") : nullptr;
  return named(kind ? kind->as_string() : usual);
}

DecoderPlan inferred_decoder(const Weights& weights, const ConfigReader& beside, const Json* said) {
  return reader_of(recognise_decoder(weights), said, decoder_kind, "conv")
      .infer(weights, beside, said ? *said : Json());
}

EncoderPlan inferred_encoder(const Weights& weights, const ConfigReader& beside, const Json* said) {
  return reader_of(recognise_encoder(weights), said, encoder_kind, "dinov3")
      .infer(weights, beside, said ? *said : Json());
}

/// The residual branch in the configuration and in the file must go together: the reference's loader ignores the
/// difference, and then decodes noise or stops at a shape.
void check_kind(const AutoencoderFiles& files, const AutoencoderConfig& config) {
  const Weights& checkpoint = files.checkpoint;
  const DecoderPlan stored =
      inferred_decoder(decoder_of(checkpoint), files.beside_checkpoint, &config.decoder.dimensions);
  const ResidualKind* held = held_residual(checkpoint);
  if (config.residual && !held) {
    throw Error(ErrorCode::kWeightsMismatch,
                "the configuration describes Autoencoder-R, the checkpoint is an Autoencoder-P: it has no extra_vit.*",
                concat("use a P configuration (z_channels ", stored.grid.channels,
                       ", no extra_vit_config) or an svg_autoencoder-R checkpoint"));
  }
  if (!config.residual && held) {
    throw Error(ErrorCode::kWeightsMismatch,
                "the configuration describes Autoencoder-P, the checkpoint is an Autoencoder-R: it has extra_vit.*",
                concat("use an R configuration (z_channels ", stored.grid.channels, ", extra_vit_config of output_dim ",
                       held->recognise(checkpoint.scope("extra_vit"))->channels,
                       "); the YAML files published beside SVG-T2I's R checkpoints are copies of P's"));
  }
  SVG_CHECK(!held || held->name == config.residual->kind, ErrorCode::kWeightsMismatch,
            "the checkpoint's residual branch is of kind \"", held ? held->name : "", "\", the configuration says \"",
            config.residual ? config.residual->kind : "", "\"");
  if (stored.kind != config.decoder.kind || stored.dimensions.dump() != config.decoder.dimensions.dump()) {
    throw Error(ErrorCode::kWeightsMismatch,
                concat("the checkpoint's decoder is ", stored.description, "; the configuration says ",
                       config.decoder.description),
                stored.grid.channels != config.decoder.grid.channels
                    ? concat("take the configuration of this checkpoint: latents have ", stored.grid.channels,
                             " channels, the encoder's and, in an Autoencoder-R, those of its branch")
                    : "correct the decoder's dimensions");
  }
}

const AutoencoderConfig& checked(const AutoencoderConfig& config) {
  if (!config.encoder) return config;
  const int64_t residual = config.residual ? config.residual->channels : 0;
  SVG_CHECK(config.encoder->channels + residual == config.decoder.grid.channels, ErrorCode::kInvalidConfig,
            "the encoder gives ", config.encoder->channels, " + ", residual, " channels, the decoder takes ",
            config.decoder.grid.channels);
  return config;
}

AutoencoderWeights parts_of(const AutoencoderFiles& files, const AutoencoderConfig& config) {
  check_kind(files, config);
  AutoencoderWeights parts{decoder_of(files.checkpoint), files.encoder, std::nullopt};
  const Weights inside = files.checkpoint.scope("encoder");
  if (!files.encoder && recognise_encoder(inside)) parts.encoder = inside;
  if (config.residual) parts.residual = files.checkpoint.scope("extra_vit");
  return parts;
}

/// By the kind that is said, else by the one of the checkpoint, else the first.
ResidualPlan said_residual(const Json& said, const std::optional<Weights>& checkpoint) {
  const ResidualKind* held = checkpoint ? held_residual(*checkpoint) : nullptr;
  const bool is_open = !said.find("kind") && !said.find("type") && !said.find("arch");
  return held && is_open ? held->from_json(said) : residual_plan(said);
}

/// extra_vit_config of the reference's YAML files: SVG's own ones name no type.
ResidualPlan published_residual(const Json& extra, const std::optional<Weights>& checkpoint) {
  Json said = Json::object();
  if (const Json* channels = extra.find("output_dim")) said.set("output_dim", channels->as_int());
  if (const Json* type = extra.find("vit_type")) {
    const auto names = [&](const ResidualKind& kind) {
      return std::count(kind.presets.begin(), kind.presets.end(), type->as_string()) > 0;
    };
    if (std::none_of(residual_kinds().begin(), residual_kinds().end(), names)) {
      std::string known;
      for (const ResidualKind& kind : residual_kinds()) {
        for (const std::string& preset : kind.presets) known += (known.empty() ? "" : ", ") + preset;
      }
      throw Error(ErrorCode::kInvalidConfig,
                  concat("no residual branch is called \"", type->as_string(), "\" (vit_type)"),
                  "known: " + known + "; without a vit_type the weights tell");
    }
    said.set("arch", type->as_string());
  }
  return said_residual(said, checkpoint);
}

/// `model.params` of the reference's YAML files.
AutoencoderConfig from_published(const Json& params, const std::optional<Weights>& checkpoint) {
  AutoencoderConfig config;
  const DecoderKind* decoder = nullptr;
  for (const DecoderKind& kind : decoder_kinds()) {
    if (kind.yaml_key.empty() || !params.find(kind.yaml_key)) continue;
    SVG_CHECK(!decoder, ErrorCode::kInvalidConfig, "the configuration has both \"", decoder->yaml_key, "\" and \"",
              kind.yaml_key, "\": an autoencoder has one decoder");
    decoder = &kind;
  }
  if (!decoder) decoder = &decoder_kinds().front();
  config.decoder = decoder->from_json(params.at(decoder->yaml_key));
  for (const EncoderKind& kind : encoder_kinds()) {
    const Json* part = kind.yaml_key.empty() ? nullptr : params.find(kind.yaml_key);
    if (!part || config.encoder) continue;
    // The reference's files for other encoders than DINO name a place alone: the weights say what is there.
    if (const Json* name = part->find("model_name")) {
      config.encoder = encoder_plan(Json::object().set("arch", name->as_string()));
    }
  }
  if (const Json* extra = params.find("extra_vit_config")) {
    config.residual = published_residual(*extra, checkpoint);
    config.align_distribution = extra->get_bool("use_outnorm", false);
  }
  return config;
}

bool is_published(const Json& json) {
  for (const DecoderKind& kind : decoder_kinds()) {
    if (!kind.yaml_key.empty() && json.find(kind.yaml_key)) return true;
  }
  return false;
}

}  // namespace

ConfigReader AutoencoderFiles::beside_inside() const {
  return [beside = beside_checkpoint] {
    const Json config = beside ? beside() : Json();
    return config.find("_class_name") ? Json() : config;
  };
}

AutoencoderConfig AutoencoderConfig::from_json(const Json& json, const std::optional<Weights>& checkpoint) {
  if (const Json* model = json.find("model")) return from_published(model->at("params"), checkpoint);
  if (is_published(json)) return from_published(json, checkpoint);
  AutoencoderConfig config;
  if (const Json* encoder = json.find("encoder")) config.encoder = encoder_plan(*encoder);
  if (const Json* residual = json.find("residual")) {
    config.residual = said_residual(*residual, checkpoint);
    config.align_distribution = residual->get_bool("align_distribution", true);
  }
  config.decoder = decoder_plan(json.at("decoder"));
  return config;
}

AutoencoderConfig AutoencoderConfig::infer(const AutoencoderFiles& files, const Json& said) {
  AutoencoderConfig config;
  const Weights inside = files.checkpoint.scope("encoder");
  config.decoder = inferred_decoder(decoder_of(files.checkpoint), files.beside_checkpoint, said.find("decoder"));
  if (const ResidualKind* held = held_residual(files.checkpoint)) {
    const Json* branch = said.find("residual");
    config.residual = held->infer(files.checkpoint.scope("extra_vit"), {}, branch ? *branch : Json());
    if (branch) config.align_distribution = branch->get_bool("align_distribution", true);
  }
  if (files.encoder) {
    config.encoder = inferred_encoder(*files.encoder, files.beside_encoder, said.find("encoder"));
  } else if (recognise_encoder(inside)) {
    config.encoder = inferred_encoder(inside, files.beside_inside(), said.find("encoder"));
  }
  return config;
}

Autoencoder::Autoencoder(const AutoencoderFiles& files, const AutoencoderConfig& config)
    : Autoencoder(parts_of(files, config), config) {}

Autoencoder::Autoencoder(const AutoencoderWeights& parts, const AutoencoderConfig& config)
    : config_(checked(config)),
      decoder_(config.decoder.build(decoder_kind(config.decoder.kind).under_own_names(parts.decoder))) {
  if (config.residual) {
    residual_ = config.residual->build(residual_kind(config.residual->kind).under_own_names(*parts.residual));
  }
  if (!config.encoder || !parts.encoder) return;
  const Weights encoder = encoder_kind(config.encoder->kind).under_own_names(*parts.encoder);
  if (!config.decoder.plain_features) {
    encoder_ = config.encoder->build(encoder);
    return;
  }
  SVG_CHECK(config.encoder->build_plain, ErrorCode::kWeightsMismatch, "the decoder (", config.decoder.description,
            ") takes features without the weight and bias of the encoder's last norm, which ",
            config.encoder->description, " does not give");
  encoder_ = config.encoder->build_plain(encoder, config.decoder.colours);
}

std::optional<std::string> Autoencoder::recognise(const Weights& checkpoint) {
  const DecoderKind* decoder = recognise_decoder(checkpoint.scope("decoder"));
  if (!decoder) return std::nullopt;
  const Weights inside = checkpoint.scope("encoder");
  const EncoderKind* encoder = recognise_encoder(inside);
  const bool is_usual = decoder == &decoder_kinds().front();
  const ResidualKind* residual = held_residual(checkpoint);
  std::string text = concat("SVG autoencoder ", residual ? "R (with the " + residual->title + ")" : "P", ", ",
                            is_usual ? "" : decoder->title + ", ",
                            decoder->recognise(checkpoint.scope("decoder"))->channels, " channels");
  text += encoder ? ", encoder " + encoder->recognise(inside)->description : ", without an encoder";
  for (const char* loss :
       {"loss.logvar", "loss.discriminator.main.0.weight", "loss.perceptual_loss.lin0.model.1.weight"}) {
    if (checkpoint.has(loss)) return text + ", with training losses";
  }
  return text;
}

void Autoencoder::refuse_unknown(const AutoencoderFiles& files, const AutoencoderConfig& config) {
  const auto begins = [](const std::string& name, const char* prefix) { return name.rfind(prefix, 0) == 0; };
  const DecoderKind& decoder = decoder_kind(config.decoder.kind);
  const EncoderKind* encoder = config.encoder ? &encoder_kind(config.encoder->kind) : nullptr;
  const ResidualKind* residual = config.residual ? &residual_kind(config.residual->kind) : nullptr;
  const std::string within = has_decoder_alone(files.checkpoint) ? "" : "decoder.";
  refuse_unknown_tensors(files.checkpoint, "an SVG autoencoder", [&](const std::string& name) {
    // Losses of training, an unused norm, the averages of latent-diffusion's trainer.
    for (const char* prefix : {"loss.", "norm_vit.", "model_ema."}) {
      if (begins(name, prefix)) return true;
    }
    if (name == "mask_token") return true;
    if (residual && begins(name, "extra_vit.") && residual->spares(name.substr(10))) return true;
    if (begins(name, within.c_str()) && decoder.spares(name.substr(within.size()))) return true;
    // Where a file of one is given, the encoder inside is not used.
    return begins(name, "encoder.") && (files.encoder || (encoder && encoder->spares(name.substr(8))));
  });
  if (files.encoder && encoder) {
    refuse_unknown_tensors(*files.encoder, "a " + encoder->title,
                           [&](const std::string& name) { return encoder->spares(name); });
  }
}

at::Tensor Autoencoder::encode(const at::Tensor& image, AlignOver over) const {
  if (!encoder_) {
    throw Error(ErrorCode::kNotLoaded, "the autoencoder was loaded without an encoder: it can only decode",
                "give the encoder's weights, or a checkpoint that holds encoder.*");
  }
  SVG_CHECK(image.dim() == 4 && image.size(1) == 3, ErrorCode::kInvalidArgument,
            "[autoencoder] image must be (batch, 3, height, width), not ", image.sizes());
  const int64_t cell = grid().cell_pixels, H = image.size(2), W = image.size(3);
  if (H % cell != 0 || W % cell != 0 || H == 0 || W == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                concat("[autoencoder] an image of ", W, "x", H, " cannot be cut into cells of ", cell, "x", cell),
                concat("crop or resize it to ", std::max(cell, W / cell * cell), "x", std::max(cell, H / cell * cell)));
  }
  const Cells cells{H / cell, W / cell};
  const at::Tensor features = encoder_->features(image, cells);
  if (!residual_) return decoder_->latent(features);
  at::Tensor residual = residual_->features(image, cells);
  if (config_.align_distribution) residual = align_distribution(residual, features, over);
  return decoder_->latent(at::cat({features, residual}, 1));
}

at::Tensor align_distribution(const at::Tensor& residual, const at::Tensor& features, AlignOver over) {
  const std::vector<int64_t> dims =
      over == AlignOver::kBatch ? std::vector<int64_t>{0, 2, 3} : std::vector<int64_t>{2, 3};
  const int64_t samples = features.size(2) * features.size(3) * (over == AlignOver::kBatch ? features.size(0) : 1);
  SVG_CHECK(samples > 1, ErrorCode::kInvalidArgument,
            "[autoencoder] a single cell has no deviation: Autoencoder-R needs an image of two cells or more");
  // Per channel, then averaged over the channels: (1 or B, 1, 1, 1). No gradient flows through the statistics.
  const auto mean = [&](const at::Tensor& x) { return x.detach().mean(dims, /*keepdim=*/true).mean(1, true); };
  const auto deviation = [&](const at::Tensor& x) {
    return x.detach().std(dims, /*unbiased=*/true, /*keepdim=*/true).mean(1, true);
  };
  return (residual - mean(residual)) / (deviation(residual) + kAlignEps) * deviation(features) + mean(features);
}

}  // namespace svg
