#include "models/autoencoder.h"

#include "core/error.h"

namespace svg {
namespace {

constexpr double kAlignEps = 1e-6;

bool holds_encoder(const Weights& checkpoint) { return checkpoint.has("encoder.patch_embed.proj.weight"); }
bool holds_residual(const Weights& checkpoint) { return checkpoint.has("extra_vit.patch_embed.proj.weight"); }

/// The residual branch in the configuration and in the file must go together: the reference's loader ignores the
/// difference, and then decodes noise or stops at a shape.
void check_kind(const Weights& checkpoint, const AutoencoderConfig& config) {
  const ConvDecoderConfig stored = ConvDecoderConfig::infer(checkpoint.scope("decoder"));
  if (config.residual && !holds_residual(checkpoint)) {
    throw Error(ErrorCode::kWeightsMismatch,
                "the configuration describes Autoencoder-R, the checkpoint is an Autoencoder-P: it has no extra_vit.*",
                "use a P configuration (z_channels 384, no extra_vit_config) or an svg_autoencoder-R checkpoint");
  }
  if (!config.residual && holds_residual(checkpoint)) {
    throw Error(ErrorCode::kWeightsMismatch,
                "the configuration describes Autoencoder-P, the checkpoint is an Autoencoder-R: it has extra_vit.*",
                concat("use an R configuration (z_channels ", stored.z_channels,
                       ", output_dim 8); the YAML files published beside the R checkpoints are copies of P's"));
  }
  if (!stored.same_network(config.decoder)) {
    throw Error(ErrorCode::kWeightsMismatch,
                concat("the checkpoint's decoder is ", stored.describe(), "; the configuration says ",
                       config.decoder.describe()),
                stored.z_channels != config.decoder.z_channels
                    ? "latents of 384 channels belong to Autoencoder-P, of 392 to Autoencoder-R: take its configuration"
                    : "correct ch, ch_mult and num_res_blocks");
  }
}

const AutoencoderConfig& checked(const AutoencoderConfig& config) {
  if (!config.encoder) return config;
  const int64_t residual = config.residual ? config.residual->output_dim : 0;
  const int64_t channels = config.encoder->embed_dim + residual;
  SVG_CHECK(channels == config.decoder.z_channels, ErrorCode::kInvalidConfig, "the encoder gives ",
            config.encoder->embed_dim, " + ", residual, " channels, the decoder takes ", config.decoder.z_channels);
  return config;
}

AutoencoderWeights parts_of(const Weights& checkpoint, const AutoencoderConfig& config,
                            const std::optional<Weights>& encoder) {
  check_kind(checkpoint, config);
  AutoencoderWeights parts{checkpoint.scope("decoder"), encoder, std::nullopt};
  if (!encoder && holds_encoder(checkpoint)) parts.encoder = checkpoint.scope("encoder");
  if (config.residual) parts.residual = checkpoint.scope("extra_vit");
  return parts;
}

/// `model.params` of the reference's YAML files.
AutoencoderConfig from_published(const Json& params) {
  SVG_CHECK(!params.find("hyconfig"), ErrorCode::kInvalidConfig,
            "the configuration has \"hyconfig\": the 3-D decoder was never released, only \"ddconfig\" is known");
  AutoencoderConfig config;
  config.decoder = ConvDecoderConfig::from_json(params.at("ddconfig"));
  if (const Json* dino = params.find("dinoconfig"))
    config.encoder = Dinov3Config::preset(dino->at("model_name").as_string());
  if (const Json* extra = params.find("extra_vit_config")) {
    const std::string type = extra->get_string("vit_type", "vit-rope-s");
    // "rope-s" is what earlier versions of this package wrote.
    SVG_CHECK(type == "vit-rope-s" || type == "rope-s", ErrorCode::kInvalidConfig, "vit_type \"", type,
              "\" was never released; Autoencoder-R has \"vit-rope-s\"");
    config.residual = ResidualVitConfig{};
    config.residual->output_dim = extra->get_int("output_dim", config.residual->output_dim);
    config.align_distribution = extra->get_bool("use_outnorm", false);
  }
  return config;
}

}  // namespace

AutoencoderConfig AutoencoderConfig::from_json(const Json& json) {
  if (const Json* model = json.find("model")) return from_published(model->at("params"));
  if (json.find("ddconfig") || json.find("hyconfig")) return from_published(json);
  AutoencoderConfig config;
  if (const Json* encoder = json.find("encoder")) config.encoder = Dinov3Config::from_json(*encoder);
  if (const Json* residual = json.find("residual")) {
    config.residual = ResidualVitConfig::from_json(*residual);
    config.align_distribution = residual->get_bool("align_distribution", true);
  }
  config.decoder = ConvDecoderConfig::from_json(json.at("decoder"));
  return config;
}

AutoencoderConfig AutoencoderConfig::infer(const Weights& checkpoint, const std::optional<Weights>& encoder,
                                           const Json& encoder_config) {
  AutoencoderConfig config;
  config.decoder = ConvDecoderConfig::infer(checkpoint.scope("decoder"));
  if (holds_residual(checkpoint)) config.residual = ResidualVitConfig::infer(checkpoint.scope("extra_vit"));
  if (encoder) {
    config.encoder = Dinov3Config::infer(*encoder, encoder_config);
  } else if (holds_encoder(checkpoint)) {
    config.encoder = Dinov3Config::infer(checkpoint.scope("encoder"));
  }
  return config;
}

Autoencoder::Autoencoder(const Weights& checkpoint, const AutoencoderConfig& config,
                         const std::optional<Weights>& encoder)
    : Autoencoder(parts_of(checkpoint, config, encoder), config) {}

Autoencoder::Autoencoder(const AutoencoderWeights& parts, const AutoencoderConfig& config)
    : config_(checked(config)), decoder_(parts.decoder, config.decoder) {
  if (config.residual) residual_.emplace(*parts.residual, *config.residual);
  if (config.encoder && parts.encoder) encoder_.emplace(*parts.encoder, *config.encoder);
}

void Autoencoder::refuse_unknown(const Weights& checkpoint, const std::optional<Weights>& encoder) {
  const auto begins = [](const std::string& name, const char* prefix) { return name.rfind(prefix, 0) == 0; };
  refuse_unknown_tensors(checkpoint, "an SVG autoencoder", [&](const std::string& name) {
    // Losses of training, a classifier, an unused norm, the averages of latent-diffusion's trainer.
    for (const char* prefix : {"loss.", "norm_vit.", "extra_vit.head.", "model_ema."}) {
      if (begins(name, prefix)) return true;
    }
    if (name == "mask_token" || begins(name, "extra_vit.freqs_t_")) return true;
    // A DINOv3 of its own comes before the one inside.
    return begins(name, "encoder.") && (encoder || Dinov3::is_spare(name.substr(8)));
  });
  if (encoder) refuse_unknown_tensors(*encoder, "a DINOv3 ViT", Dinov3::is_spare);
}

at::Tensor Autoencoder::encode(const at::Tensor& image, AlignOver over) const {
  if (!encoder_) {
    throw Error(ErrorCode::kNotLoaded, "the autoencoder was loaded without an encoder: it can only decode",
                "give the DINOv3 weights, or a checkpoint that holds encoder.*");
  }
  const at::Tensor normalised = imagenet_normalised(image);
  const int64_t B = image.size(0), rows = image.size(2) / encoder_->config().patch_size;
  const at::Tensor dino =
      (*encoder_)(normalised).patches.transpose(1, 2).reshape({B, encoder_->config().embed_dim, rows, -1});
  if (!residual_) return dino;
  at::Tensor residual = (*residual_)(normalised).reshape({B, config_.residual->output_dim, rows, -1});
  if (config_.align_distribution) residual = align_distribution(residual, dino, over);
  return at::cat({dino, residual}, 1);
}

at::Tensor imagenet_normalised(const at::Tensor& image) {
  SVG_CHECK(image.dim() == 4 && image.size(1) == 3, ErrorCode::kInvalidArgument,
            "[autoencoder] image must be (batch, 3, height, width), not ", image.sizes());
  const at::TensorOptions options = at::TensorOptions().dtype(at::kFloat).device(image.device());
  const at::Tensor mean = at::tensor({0.485, 0.456, 0.406}, options).view({1, 3, 1, 1});
  const at::Tensor std = at::tensor({0.229, 0.224, 0.225}, options).view({1, 3, 1, 1});
  return ((image.to(at::kFloat) + 1) / 2 - mean) / std;
}

at::Tensor align_distribution(const at::Tensor& residual, const at::Tensor& dino, AlignOver over) {
  const std::vector<int64_t> dims =
      over == AlignOver::kBatch ? std::vector<int64_t>{0, 2, 3} : std::vector<int64_t>{2, 3};
  const int64_t samples = dino.size(2) * dino.size(3) * (over == AlignOver::kBatch ? dino.size(0) : 1);
  SVG_CHECK(samples > 1, ErrorCode::kInvalidArgument,
            "[autoencoder] a single patch has no deviation: Autoencoder-R needs an image of two patches or more");
  // Per channel, then averaged over the channels: (1 or B, 1, 1, 1). No gradient flows through the statistics.
  const auto mean = [&](const at::Tensor& x) { return x.detach().mean(dims, /*keepdim=*/true).mean(1, true); };
  const auto deviation = [&](const at::Tensor& x) {
    return x.detach().std(dims, /*unbiased=*/true, /*keepdim=*/true).mean(1, true);
  };
  return (residual - mean(residual)) / (deviation(residual) + kAlignEps) * deviation(dino) + mean(dino);
}

}  // namespace svg
