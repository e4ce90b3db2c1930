#include "models/decoders/conv_decoder.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace svg {
std::string ConvDecoderConfig::describe() const {
  std::string multipliers;
  for (const int64_t m : ch_mult) multipliers += (multipliers.empty() ? "" : ",") + std::to_string(m);
  std::string attention;
  if (attention_levels) {
    for (const int64_t level : *attention_levels) attention += (attention.empty() ? "" : ",") + std::to_string(level);
    attention = attention.empty() ? ", attention at no level" : ", attention at levels [" + attention + "]";
  }
  return concat(ch, "x[", multipliers, "], ", num_res_blocks, " blocks, ", z_channels, " latent channels", attention);
}

bool ConvDecoderConfig::attends(int64_t level) const {
  if (!attention_levels) return level == levels() - 1;
  return std::count(attention_levels->begin(), attention_levels->end(), level) > 0;
}

void ConvDecoderConfig::set_attention(std::vector<int64_t> at) {
  std::sort(at.begin(), at.end());
  at.erase(std::unique(at.begin(), at.end()), at.end());
  for (const int64_t level : at) {
    SVG_CHECK(level >= 0 && level < levels(), ErrorCode::kInvalidConfig, "[conv_decoder] attention at level ", level,
              " of ", levels());
  }
  attention_levels.reset();
  if (at != std::vector<int64_t>{levels() - 1}) attention_levels = std::move(at);
}

bool ConvDecoderConfig::same_network(const ConvDecoderConfig& other) const {
  if (levels() != other.levels() || num_res_blocks != other.num_res_blocks || z_channels != other.z_channels) {
    return false;
  }
  for (int64_t level = 0; level < levels(); ++level) {
    if (width(level) != other.width(level) || attends(level) != other.attends(level)) return false;
  }
  return true;
}

ConvDecoderConfig ConvDecoderConfig::from_json(const Json& json) {
  ConvDecoderConfig config;
  config.ch = json.get_int("ch", config.ch);
  if (const Json* mult = json.find("ch_mult")) config.ch_mult = mult->as_int_list();
  config.num_res_blocks = json.get_int("num_res_blocks", config.num_res_blocks);
  config.z_channels = json.get_int("z_channels", config.z_channels);
  if (const Json* levels = json.find("attn_levels")) config.set_attention(levels->as_int_list());
  return config;
}

ConvDecoderConfig ConvDecoderConfig::infer(const Weights& weights) {
  const auto conv_in = weights.shape_of("conv_in.weight");
  SVG_CHECK(conv_in && conv_in->size() == 4, ErrorCode::kWeightsMismatch, weights.description(),
            " holds no decoder: \"conv_in.weight\" is missing");
  ConvDecoderConfig config;
  config.z_channels = conv_in->at(1);
  std::vector<int64_t> widths;
  const auto block = [](size_t level, int64_t index) {
    return concat("up.", level, ".block.", index, ".conv1.weight");
  };
  while (const auto shape = weights.shape_of(block(widths.size(), 0))) widths.push_back(shape->at(0));
  SVG_CHECK(!widths.empty(), ErrorCode::kWeightsMismatch, "[conv_decoder] no tensor \"", block(0, 0), "\"");
  int64_t blocks = 1;
  while (weights.has(block(0, blocks))) ++blocks;
  config.num_res_blocks = blocks - 1;
  config.ch = std::accumulate(widths.begin(), widths.end(), int64_t{0}, std::gcd<int64_t, int64_t>);
  config.ch_mult.clear();
  std::vector<int64_t> attended;
  for (size_t level = 0; level < widths.size(); ++level) {
    config.ch_mult.push_back(widths[level] / config.ch);
    if (weights.has(concat("up.", level, ".attn.0.norm.weight"))) attended.push_back(static_cast<int64_t>(level));
  }
  config.set_attention(attended);
  return config;
}

ConvDecoder::ConvDecoder(const Weights& weights, const ConvDecoderConfig& config, Operations operations)
    : config_(config), operations_(operations) {
  SVG_CHECK(!config.ch_mult.empty() && config.ch > 0 && config.num_res_blocks >= 0 && config.z_channels > 0,
            ErrorCode::kInvalidConfig, "[conv_decoder] ", config.describe(), ": no such network");
  for (int64_t level = 0; level < config.levels(); ++level) {
    SVG_CHECK(config.width(level) > 0 && config.width(level) % kDecoderGroups == 0, ErrorCode::kInvalidConfig,
              "[conv_decoder] ", config.width(level), " channels at level ", level, ": must be a multiple of ",
              kDecoderGroups);
  }
  const int64_t bottom = config.levels() - 1;
  int64_t in = config.width(bottom);
  conv_in_ = decoder_conv3x3(weights.scope("conv_in"), config.z_channels, in);
  mid_blocks_.emplace_back(weights.scope("mid.block_1"), in, in);
  mid_attn_.emplace_back(weights.scope("mid.attn_1"), in);
  mid_blocks_.emplace_back(weights.scope("mid.block_2"), in, in);
  for (int64_t index = bottom; index >= 0; --index) {
    const Weights from = weights.scope("up." + std::to_string(index));
    const int64_t out = config.width(index);
    Level level;
    for (int64_t i = 0; i <= config.num_res_blocks; ++i) {
      level.blocks.emplace_back(from.scope("block." + std::to_string(i)), in, out);
      in = out;
      if (config.attends(index)) level.attention.emplace_back(from.scope("attn." + std::to_string(i)), out);
    }
    if (index > 0) level.upsample.push_back(decoder_conv3x3(from.scope("upsample.conv"), out, out));
    levels_.push_back(std::move(level));
  }
  norm_out_ = decoder_norm(weights.scope("norm_out"), in);
  conv_out_ = decoder_conv3x3(weights.scope("conv_out"), in, 3);
}

at::Tensor ConvDecoder::operator()(const at::Tensor& latent) const {
  SVG_CHECK(latent.dim() == 4 && latent.size(1) == config_.z_channels, ErrorCode::kInvalidArgument,
            "[conv_decoder] latent must be (batch, ", config_.z_channels, ", height, width), not ", latent.sizes());
  // Channels side by side in memory, as the convolutions' kernels want them; kept by every operation from here on.
  const auto layout =
      operations_ == Operations::kReference ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast;
  at::Tensor x = conv_in_(latent.to(conv_in_.dtype()).contiguous(layout));
  x = mid_blocks_[0](x, operations_);
  x = mid_blocks_[1](mid_attn_[0](x, operations_), operations_);
  for (const Level& level : levels_) {
    for (size_t i = 0; i < level.blocks.size(); ++i) {
      x = level.blocks[i](x, operations_);
      if (!level.attention.empty()) x = level.attention[i](x, operations_);
    }
    for (const Conv2d& conv : level.upsample) x = doubled_conv(conv, x, operations_);
  }
  return conv_out_(norm_swish(norm_out_, x, operations_)).to(at::kFloat).contiguous();
}

}  // namespace svg
