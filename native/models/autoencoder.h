// SVG autoencoder: images to features and back. P = frozen DINOv3 features alone; R = with the residual branch.
// Source: arXiv 2512.11749 (section 3), arXiv 2510.15301 (residual branch, distribution alignment).
#pragma once

#include <ATen/ATen.h>

#include <optional>

#include "core/json.h"
#include "core/weights.h"
#include "models/conv_decoder.h"
#include "models/encoders/dinov3.h"
#include "models/residual_vit.h"

namespace svg {

struct AutoencoderConfig {
  std::optional<Dinov3Config> encoder;        // none: decoding only
  std::optional<ResidualVitConfig> residual;  // none: Autoencoder-P
  bool align_distribution = true;             // residual features take the DINO features' mean and deviation
  ConvDecoderConfig decoder;

  /// {"encoder": {...}, "decoder": {...}, "residual": {..., "align_distribution": bool}}, encoder and residual
  /// optional; or a published YAML file's content (model.params.{ddconfig,dinoconfig,extra_vit_config}). Throws
  /// Error(kInvalidConfig).
  static AutoencoderConfig from_json(const Json& json);
  /// From the tensors: P or R by the presence of extra_vit.*, the encoder from `encoder` or from encoder.*.
  /// `encoder_config` is the config.json beside `encoder`, null where there is none. Throws Error(kWeightsMismatch).
  static AutoencoderConfig infer(const Weights& checkpoint, const std::optional<Weights>& encoder = std::nullopt,
                                 const Json& encoder_config = {});
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
  /// `checkpoint` holds decoder.*, perhaps encoder.* and, for R, extra_vit.*; `encoder` (a DINOv3 file of its own)
  /// comes before encoder.*. Throws Error(kWeightsMismatch) with the reason where P and R are mixed up.
  Autoencoder(const Weights& checkpoint, const AutoencoderConfig& config,
              const std::optional<Weights>& encoder = std::nullopt);

  /// Throws Error(kWeightsMismatch) naming tensors of a checkpoint, or of the encoder's file where it has one of its
  /// own, that the model built from them has no use for.
  static void refuse_unknown(const Weights& checkpoint, const std::optional<Weights>& encoder);

  const AutoencoderConfig& config() const { return config_; }
  const ConvDecoder& decoder() const { return decoder_; }
  bool can_encode() const { return encoder_.has_value(); }
  int64_t latent_channels() const { return config_.decoder.z_channels; }

  /// image (B, 3, H, W) in [-1, 1] -> latent (B, latent_channels, H/16, W/16), fp32: DINO channels, then residual ones.
  /// Throws Error(kNotLoaded) without an encoder, Error(kInvalidArgument) for sides that are no multiples of 16.
  at::Tensor encode(const at::Tensor& image, AlignOver over = AlignOver::kImage) const;

  /// latent (B, latent_channels, h, w) -> image (B, 3, 16h, 16w), about [-1, 1], not clamped, fp32.
  at::Tensor decode(const at::Tensor& latent) const { return decoder_(latent); }

 private:
  AutoencoderConfig config_;
  std::optional<Dinov3> encoder_;
  std::optional<ResidualVit> residual_;
  ConvDecoder decoder_;
};

/// [-1, 1] -> ImageNet-normalised, as the encoders want it. (B, 3, H, W), fp32.
at::Tensor imagenet_normalised(const at::Tensor& image);

/// residual (B, Cr, h, w) with the mean and the deviation of dino (B, C, h, w): one scalar each, the channels' own
/// (deviation unbiased, eps 1e-6) averaged. Throws Error(kInvalidArgument) for a single patch.
/// Source: match_distribution of the reference.
at::Tensor align_distribution(const at::Tensor& residual, const at::Tensor& dino, AlignOver over);

}  // namespace svg
