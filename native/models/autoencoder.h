// SVG autoencoder: images to features and back. P = a frozen encoder's features alone; R = with the residual branch.
// Source: arXiv 2512.11749 (section 3), arXiv 2510.15301 (residual branch, distribution alignment).
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <string>

#include "core/json.h"
#include "core/weights.h"
#include "models/kinds.h"

namespace svg {

/// Files that an autoencoder is made of.
struct AutoencoderFiles {
  Weights checkpoint;  // decoder.* (or a decoder's own file), perhaps encoder.* and, for R, extra_vit.*
  std::optional<Weights> encoder = {};  // of its own; used in place of encoder.*: see encoder_choice.h
  ConfigReader beside_checkpoint = {}, beside_encoder = {};

  /// For encoder.*: diffusers' config.json is of the whole, its keys are the decoder's or have other names.
  ConfigReader beside_inside() const;
};

struct AutoencoderConfig {
  std::optional<EncoderPlan> encoder;    // none: decoding only
  std::optional<ResidualPlan> residual;  // none: Autoencoder-P
  bool align_distribution = true;        // residual features take the encoder's mean and deviation
  DecoderPlan decoder;

  /// {"encoder": {...}, "decoder": {...}, "residual": {..., "align_distribution": bool}}, encoder and residual
  /// optional; or a published YAML file's content (model.params.{ddconfig,dinoconfig,extra_vit_config}). A residual
  /// branch whose kind is not said is of the kind that `checkpoint` holds; without one, SVG-T2I's. Throws
  /// Error(kInvalidConfig).
  static AutoencoderConfig from_json(const Json& json, const std::optional<Weights>& checkpoint = std::nullopt);
  /// From the tensors: P or R by the presence of extra_vit.*, the encoder from its own file or from encoder.*. What
  /// they do not tell says `said`, {"encoder"?, "decoder"?, "residual"?} in from_json's words. Throws
  /// Error(kWeightsMismatch).
  static AutoencoderConfig infer(const AutoencoderFiles& files, const Json& said = {});
};

/// Over what the residual features' mean and deviation are taken. The reference takes the whole batch, and so an
/// image's latent depends on its companions there; per image gives what the reference gives for a batch of one.
enum class AlignOver { kImage, kBatch };

/// The parts, each by its own names.
struct AutoencoderWeights {
  Weights decoder;
  std::optional<Weights> encoder, residual;
};

class Autoencoder {
 public:
  /// All parts that `config` has. Throws Error(kInvalidConfig) where the channels do not add up.
  Autoencoder(const AutoencoderWeights& parts, const AutoencoderConfig& config);
  /// Throws Error(kWeightsMismatch) with the reason where P and R are mixed up.
  Autoencoder(const AutoencoderFiles& files, const AutoencoderConfig& config);

  /// A description of a checkpoint that holds decoder.*, for people. Never throws.
  static std::optional<std::string> recognise(const Weights& checkpoint);
  /// Throws Error(kWeightsMismatch) naming tensors of a checkpoint, or of the encoder's file where it has one of its
  /// own, that the model built from them has no use for.
  static void refuse_unknown(const AutoencoderFiles& files, const AutoencoderConfig& config);

  const AutoencoderConfig& config() const { return config_; }
  const LatentDecoder& decoder() const { return *decoder_; }
  bool can_encode() const { return encoder_ != nullptr; }
  const VisionEncoder* encoder() const { return encoder_.get(); }
  LatentGrid grid() const { return decoder_->grid(); }

  /// image (B, 3, H, W) in [-1, 1] -> latent (B, channels, H / cell, W / cell), fp32: the encoder's channels, then
  /// residual ones. Throws Error(kNotLoaded) without an encoder, Error(kInvalidArgument) for sides that are no
  /// multiples of a cell.
  at::Tensor encode(const at::Tensor& image, AlignOver over = AlignOver::kImage) const;

  /// latent (B, channels, h, w) -> image (B, 3, h * cell, w * cell), about [-1, 1], not clamped, fp32.
  at::Tensor decode(const at::Tensor& latent) const { return decoder_->decode(latent); }

 private:
  AutoencoderConfig config_;
  std::unique_ptr<VisionEncoder> encoder_;
  std::unique_ptr<VisionEncoder> residual_;
  std::unique_ptr<LatentDecoder> decoder_;
};

/// residual (B, Cr, h, w) with the mean and the deviation of the encoder's features (B, C, h, w): one scalar each, the
/// channels' own (deviation unbiased, eps 1e-6) averaged. Throws Error(kInvalidArgument) for a single cell.
/// Source: match_distribution of the reference.
at::Tensor align_distribution(const at::Tensor& residual, const at::Tensor& features, AlignOver over);

}  // namespace svg
