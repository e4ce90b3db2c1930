// Features to pixels: the convolutional decoder of latent diffusion, one nearest-neighbour doubling per level.
// Source: arXiv 2112.10752, in the channels of arXiv 2512.11749 (table 7).
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/weights.h"
#include "models/decoders/conv_blocks.h"
#include "models/kinds.h"

namespace svg {

struct ConvDecoderConfig {
  int64_t ch = 128;
  std::vector<int64_t> ch_mult = {1, 1, 2, 2, 4};  // from the pixels' level to the latent's
  int64_t num_res_blocks = 2;                      // a level has one more
  int64_t z_channels = 384;
  /// Levels with attention after every block. Not said: the latent's alone, which SVG-T2I always has; SVG's own code
  /// goes by attn_resolutions, and so has others for other picture sizes.
  std::optional<std::vector<int64_t>> attention_levels = {};

  int64_t levels() const { return static_cast<int64_t>(ch_mult.size()); }
  int64_t width(int64_t level) const { return ch * ch_mult.at(static_cast<size_t>(level)); }
  bool attends(int64_t level) const;
  /// In any order. Throws Error(kInvalidConfig) for a level that is none of this network's.
  void set_attention(std::vector<int64_t> levels);
  /// Pixels per latent cell and side: 16 with five levels.
  int64_t scale() const { return int64_t{1} << (levels() - 1); }
  /// "128x[1,1,2,2,4], 2 blocks, 384 latent channels", and the levels with attention where they are not the usual
  std::string describe() const;
  bool same_network(const ConvDecoderConfig& other) const;

  /// Keys: ch, ch_mult, num_res_blocks, z_channels, attn_levels. Throws Error(kInvalidConfig).
  static ConvDecoderConfig from_json(const Json& json);
  /// From names and shapes. Throws Error(kWeightsMismatch) where they are no decoder.
  static ConvDecoderConfig infer(const Weights& weights);
};

class ConvDecoder : public LatentDecoder {
 public:
  using Operations = ConvOperations;

  ConvDecoder(const Weights& weights, const ConvDecoderConfig& config, Operations operations = Operations::kFast);

  const ConvDecoderConfig& config() const { return config_; }

  /// latent (B, z_channels, h, w) -> image (B, 3, h*scale, w*scale), about [-1, 1], not clamped, fp32.
  at::Tensor operator()(const at::Tensor& latent) const;

  LatentGrid grid() const override { return {config_.z_channels, config_.scale()}; }
  at::Tensor decode(const at::Tensor& latent) const override { return (*this)(latent); }
  const at::Tensor& last_weight() const override { return conv_out_.weight; }

 private:
  struct Level {
    std::vector<DecoderResBlock> blocks;
    std::vector<DecoderAttnBlock> attention;  // one per block where the level attends, else none
    std::vector<Conv2d> upsample;             // one, none at the pixels' level
  };

  ConvDecoderConfig config_;
  Operations operations_;
  Conv2d conv_in_;
  std::vector<DecoderResBlock> mid_blocks_;  // two
  std::vector<DecoderAttnBlock> mid_attn_;   // one between them
  std::vector<Level> levels_;                // in order of use: the latent's level first
  GroupNorm norm_out_;
  Conv2d conv_out_;
};

/// The entry of the catalogue.
DecoderKind conv_decoder_kind();

}  // namespace svg
