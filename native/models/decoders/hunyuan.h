// Features to pixels: the decoder of HunyuanImage 3.0's autoencoder, made of 3-D convolutions, on pictures of one
// frame. Every doubling moves channels to space and adds the input, repeated, as a shortcut. Sources: arXiv 2509.23951
// (HunyuanImage 3.0), arXiv 2410.10733 (channels to space); `hyconfig` of SVG-T2I's yaml.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "core/json.h"
#include "core/weights.h"
#include "models/decoders/conv_blocks.h"
#include "models/kinds.h"

namespace svg {

struct HunyuanDecoderConfig {
  int64_t z_channels = 392;
  std::vector<int64_t> block_out_channels = {768, 384, 192, 192, 96};  // from the latent's level to the pixels'
  int64_t num_res_blocks = 2;                                          // a level has one more
  int64_t ffactor_spatial = 16;                                        // pixels per latent cell and side
  bool upsample_match_channel = true;                                  // a doubling ends in the next level's width

  int64_t levels() const { return static_cast<int64_t>(block_out_channels.size()); }
  int64_t width(int64_t level) const { return block_out_channels.at(static_cast<size_t>(level)); }
  bool doubles(int64_t level) const { return (int64_t{1} << level) < ffactor_spatial; }
  /// Channels after the doubling of `level`: those that the next level takes.
  int64_t width_after(int64_t level) const { return upsample_match_channel ? width(level + 1) : width(level); }
  /// "hunyuan [768,384,192,192,96], 2 blocks, 392 latent channels, cells of 16 px"
  std::string describe() const;
  bool same_network(const HunyuanDecoderConfig& other) const;
  Json to_json() const;

  /// The keys of the published `hyconfig`: z_channels, block_out_channels, num_res_blocks, ffactor_spatial,
  /// ffactor_temporal (1), out_channels (3), upsample_match_channel. Throws Error(kInvalidConfig) for a network that
  /// there is not.
  static HunyuanDecoderConfig from_json(const Json& json);
  /// From names and shapes. Throws Error(kWeightsMismatch) where they are no such decoder.
  static HunyuanDecoderConfig infer(const Weights& weights);
  /// Whether the weights hold a decoder of 3-D convolutions.
  static bool recognises(const Weights& weights);
  /// Throws Error(kInvalidConfig) for numbers of which no network can be built.
  void check() const;
};

class HunyuanDecoder : public LatentDecoder {
 public:
  HunyuanDecoder(const Weights& weights, const HunyuanDecoderConfig& config,
                 ConvOperations operations = ConvOperations::kFast);

  const HunyuanDecoderConfig& config() const { return config_; }

  LatentGrid grid() const override { return {config_.z_channels, config_.ffactor_spatial}; }
  /// Throws Error(kInvalidArgument) where the latent has other channels.
  at::Tensor decode(const at::Tensor& latent) const override;
  const at::Tensor& last_weight() const override { return conv_out_.weight; }

 private:
  struct Level {
    std::vector<DecoderResBlock> blocks;
    std::vector<Conv2d> upsample;  // one, none where the level does not double
    int64_t repeats = 0;           // of a channel in the doubling's shortcut
  };

  HunyuanDecoderConfig config_;
  ConvOperations operations_;
  Conv2d conv_in_;
  std::vector<DecoderResBlock> mid_blocks_;  // two
  std::vector<DecoderAttnBlock> mid_attn_;   // one between them
  std::vector<Level> levels_;                // the latent's level first
  GroupNorm norm_out_;
  Conv2d conv_out_;
};

/// Its entry in the catalogue.
DecoderKind hunyuan_kind();

}  // namespace svg
