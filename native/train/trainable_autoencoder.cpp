#include "train/trainable_autoencoder.h"

#include "core/error.h"
#include "core/rng.h"
#include "core/transfer.h"
#include "models/catalogue.h"
#include "train/draws.h"
#include "train/state.h"

namespace svg {
namespace {

/// Buffers follow from the configuration; and values that no initialiser draws, where `start` has none.
TensorMap completed(TensorMap start, const TrainableAutoencoderOptions& options) {
  const AutoencoderConfig& model = options.model;
  const EncoderKind& kind = encoder_kind(model.encoder->kind);
  const TensorMap fixed = model.encoder->fixed_tensors();
  std::erase_if(start, [&](const auto& entry) {  // what the model makes itself, in the right size
    if (!entry.first.starts_with("encoder.")) return false;
    const std::string name = entry.first.substr(8);
    return kind.spares(name) && fixed.count(name) == 0;
  });
  if (options.train_encoder) {
    for (const auto& [name, tensor] : fixed) start["encoder." + name] = tensor;
  }
  if (!model.residual) return start;
  for (const auto& [name, tensor] : model.residual->fixed_tensors()) start["extra_vit." + name] = tensor;
  if (!model.residual->start_values) return start;
  for (const auto& [name, tensor] : model.residual->start_values(seeded_generator(options.seed))) {
    at::Tensor& given = start["extra_vit." + name];
    if (!given.defined() || given.sizes() != tensor.sizes()) given = tensor;
  }
  return start;
}

void check(const TrainableAutoencoderOptions& options) {
  const AutoencoderConfig& model = options.model;
  SVG_CHECK(model.encoder, ErrorCode::kInvalidConfig, "training an autoencoder needs the encoder's dimensions");
  SVG_CHECK(!model.residual || model.residual->untold.empty(), ErrorCode::kInvalidConfig, "the residual branch ",
            model.residual ? model.residual->untold : "");
  SVG_CHECK(model.residual || options.mask_ratio == 0, ErrorCode::kInvalidConfig,
            "without a residual branch nothing can be masked");
}

/// One tensor from a draw of each generator.
template <typename Draw>
at::Tensor draw_each(std::vector<at::Generator>& generators, Draw draw) {
  std::vector<at::Tensor> rows;
  for (at::Generator& generator : generators) rows.push_back(draw(generator));
  return at::stack(rows);
}

}  // namespace

TensorMap published_encoder(const Weights& encoder, const EncoderPlan& plan) {
  const auto source = std::make_shared<FrozenSource>(encoder, at::kCPU, at::kFloat);
  plan.build(Weights(source));
  return source->kept();
}

TrainableAutoencoder::TrainableAutoencoder(const TrainableAutoencoderOptions& options, TensorMap start,
                                           const std::optional<Weights>& encoder_file, at::Device device)
    : options_(options) {
  check(options);
  const AutoencoderConfig& model = options.model;
  const EncoderKind& kind = encoder_kind(model.encoder->kind);
  std::optional<Weights> encoder;
  if (encoder_file) encoder = kind.under_own_names(*encoder_file);
  if (encoder && options.train_encoder) add_below(start, "encoder.", published_encoder(*encoder, *model.encoder));
  start = completed(std::move(start), options);
  const Weights given(std::make_shared<MapSource>(start, "the weights to begin with"));
  trained_ = std::make_shared<TrainableSource>(start, seeded_generator(options.seed), device, options.precision);
  const Weights trained(trained_);

  AutoencoderWeights parts{trained.scope("decoder"), std::nullopt, std::nullopt};
  if (options.train_encoder) {
    parts.encoder = trained.scope("encoder");
  } else {
    frozen_encoder_ = std::make_shared<FrozenSource>(encoder ? *encoder : kind.under_own_names(given.scope("encoder")),
                                                     device, options.precision);
    parts.encoder = Weights(frozen_encoder_);
  }
  if (model.residual && options.freeze_residual) {
    frozen_residual_ = std::make_shared<FrozenSource>(given.scope("extra_vit"), device, options.precision);
    parts.residual = Weights(frozen_residual_);
  } else if (model.residual) {
    parts.residual = trained.scope("extra_vit");
  }
  model_ = std::make_unique<Autoencoder>(parts, model);
  if (options.mask_ratio > 0) {
    mask_token_ = trained.get("mask_token", {1, model.residual->channels, 1}, Init::normal(0.02), Role::kExact);
  }
}

at::Tensor TrainableAutoencoder::reconstruct(const at::Tensor& images, const std::vector<int64_t>& draws) const {
  SVG_CHECK(images.size(0) == static_cast<int64_t>(draws.size()), ErrorCode::kInvalidArgument, images.size(0),
            " images, ", draws.size(), " numbers of draws");
  std::vector<at::Generator> generators;
  for (const int64_t draw : draws) generators.push_back(draw_generator(options_.seed, draw));
  return model_->decode(with_noise(masked(model_->encode(images), generators), generators));
}

at::Tensor TrainableAutoencoder::masked(const at::Tensor& latents, std::vector<at::Generator>& generators) const {
  if (options_.mask_ratio == 0) return latents;
  const int64_t B = latents.size(0), h = latents.size(2), w = latents.size(3);
  const int64_t C = options_.model.encoder->channels;
  const at::Tensor chance = draw_each(generators, [&](at::Generator& generator) {
    return at::rand({1, h, w}, generator, at::TensorOptions());
  });
  const at::Tensor mask = sent_to(chance < options_.mask_ratio, latents.device());
  const at::Tensor residual =
      at::where(mask, mask_token_.view({1, -1, 1, 1}).expand({B, -1, h, w}), latents.slice(1, C));
  return at::cat({latents.slice(1, 0, C), residual}, 1);
}

at::Tensor TrainableAutoencoder::with_noise(const at::Tensor& latents, std::vector<at::Generator>& generators) const {
  if (options_.latent_noise == 0) return latents;
  const at::Tensor noise = draw_each(generators, [&](at::Generator& generator) {
    return at::randn(latents.sizes().slice(1), generator, at::TensorOptions());
  });
  // No gradient through the deviation: it is the noise's unit, nothing to be learned.
  const at::Tensor deviation = latents.detach().std(at::IntArrayRef{0, 2, 3}, /*unbiased=*/false, /*keepdim=*/true);
  return latents + options_.latent_noise * deviation * sent_to(noise, latents.device());
}

}  // namespace svg
