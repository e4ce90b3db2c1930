// Features to pixels by a vision transformer: the decoder of representation autoencoders (RAE), with their statistics
// per cell. Source: arXiv 2510.11690; names of bytetriper/RAE and of diffusers' AutoencoderRAE.
//
// B batch, C latent channels, h x w cells, D width, N = h*w tokens after a class token.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/weights.h"
#include "models/kinds.h"
#include "ops/layers.h"

namespace svg {

struct RaeDecoderConfig {
  int64_t latent_channels = 768;
  int64_t width = 1152;
  int64_t depth = 28;
  int64_t num_heads = 16;
  int64_t mlp_hidden = 4096;
  int64_t patch_size = 16;  // pixels of a cell and side
  int64_t grid = 16;        // cells and side of the grid that it was trained on
  double norm_eps = 1e-12;
  std::string activation = "gelu";
  double latent_eps = 1e-5;   // added to the variance
  double scaling_factor = 1;  // of the normalised latents: diffusers' convention
  std::array<double, 3> image_mean = {0.485, 0.456, 0.406}, image_std = {0.229, 0.224, 0.225};
  /// diffusers' own numbers in place of RAE's, with which the published weights were trained: it adds the eps a second
  /// time, to the deviation, and spaces the positions as if every grid were 16 cells wide.
  bool eps_twice = false, positions_of_16 = false;

  /// "rae 1152x28, 16 heads, 768 latent channels, cells of 16 px, trained on 16x16"
  std::string describe() const;
  /// RAE's keys (decoder_hidden_size, decoder_num_hidden_layers, decoder_num_attention_heads,
  /// decoder_intermediate_size, patch_size, layer_norm_eps, hidden_act, hidden_size) or those of diffusers' config.json
  /// (with encoder_hidden_size, encoder_input_size, encoder_patch_size, encoder_norm_mean, encoder_norm_std,
  /// scaling_factor).
  /// Throws Error(kInvalidConfig).
  static RaeDecoderConfig from_json(const Json& json);
  /// From names and shapes, below the decoder; the heads, which no shape tells, from the width, as published: 64
  /// channels each, 72 in the XL of 1152. Throws Error(kWeightsMismatch) where they are no such decoder.
  static RaeDecoderConfig infer(const Weights& weights);
  static bool recognises(const Weights& weights);
  /// Throws Error(kInvalidConfig) for numbers of which no network can be built.
  void check() const;
};

/// Mean and deviation of the features, (C, n, n), (C, 1, 1), (1, 1, 1) or undefined (0 and 1), fp32.
struct RaeStatistics {
  at::Tensor mean, deviation;

  /// Of a file of RAE: "mean" and "var", each optional. Throws Error(kWeightsMismatch) for shapes that fit no grid.
  static RaeStatistics of_variance(const Weights& weights, int64_t channels, double eps);
  /// Of diffusers' buffers "_latents_mean" and "_latents_std", each optional. Throws as above.
  static RaeStatistics of_deviation(const Weights& weights, int64_t channels);
};

class RaeDecoder : public LatentDecoder {
 public:
  /// `weights` below the decoder, under either set of names. Throws Error(kInvalidConfig | kWeightsMismatch).
  RaeDecoder(const Weights& weights, const RaeDecoderConfig& config, RaeStatistics statistics = {});

  const RaeDecoderConfig& config() const { return config_; }

  LatentGrid grid() const override { return {config_.latent_channels, config_.patch_size}; }
  /// (features - mean) / deviation per cell. On another grid than the trained one the statistics are interpolated.
  at::Tensor latent(const at::Tensor& features) const override;
  at::Tensor decode(const at::Tensor& latent) const override { return pixels(latent) * 2 - 1; }
  /// latent (B, C, h, w) -> (B, 3, h * patch, w * patch), about [0, 1], not clamped, fp32. Positions of another grid
  /// than the trained one are interpolated. Throws Error(kInvalidArgument) where the latent has other channels.
  at::Tensor pixels(const at::Tensor& latent) const;
  const at::Tensor& last_weight() const override { return last_weight_; }

 private:
  struct RaeBlock {
    LayerNorm norm1, norm2;
    Linear query, key, value, out, fc1, fc2;
  };

  at::Tensor positions(int64_t rows, int64_t columns) const;
  at::Tensor statistic(const at::Tensor& of, int64_t rows, int64_t columns) const;
  at::Tensor attend(const RaeBlock& block, const at::Tensor& x) const;
  void check_channels(const at::Tensor& x) const;

  RaeDecoderConfig config_;
  RaeStatistics statistics_;
  Linear embed_, predict_;
  at::Tensor cls_token_;
  at::Tensor positions_;  // (1, 1 + grid^2, D), fp32
  std::vector<RaeBlock> blocks_;
  LayerNorm norm_;
  at::Tensor last_weight_;
  at::Tensor image_mean_, image_std_;  // (1, 3, 1, 1)
};

/// What published files hold beside the parameters: {"decoder_pos_embed": (1, 1 + grid^2, width)}. Goes into fresh
/// weights, so that the trained grid can be told from them.
TensorMap rae_decoder_buffers(const RaeDecoderConfig& config);

/// Its entry in the catalogue.
DecoderKind rae_kind();

}  // namespace svg
