#include "models/decoders/hunyuan.h"

#include <c10/core/GradMode.h>

#include "core/error.h"
#include "ops/conv3x3.h"

namespace svg {
namespace {

constexpr int64_t kHunyuanDoubling = 4;  // new positions in the place of one

/// Channels of the residual branch, which the first shortcut takes where it cannot repeat all of the latent's.
constexpr int64_t kShortcutChannels = 8;

/// 3-D kernels as 2-D ones. One frame between frames of padding meets the kernels' middle layer alone, forward and
/// backward, so the other two layers are left where they are; they get no gradient, as in the original.
class HunyuanOneFrame : public WeightSource {
 public:
  explicit HunyuanOneFrame(Weights inner) : inner_(std::move(inner)) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    if (shape.size() != 4) return inner_.get_optional(name, shape, init, role);
    const int64_t k = shape[2];
    const at::Tensor kernel = inner_.get_optional(name, {shape[0], shape[1], k, k, k}, init, role);
    if (!kernel.defined()) return {};
    const c10::AutoGradMode recorded(kernel.requires_grad());  // models may be built where nothing is recorded
    const at::Tensor middle = kernel.select(2, k / 2);
    return kernel.requires_grad() ? middle : middle.contiguous();
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string& name) const override { return inner_.shape_of(name); }
  std::string description() const override { return inner_.description(); }
  std::vector<std::string> unused() const override { return inner_.unused(); }

 private:
  Weights inner_;
};

/// (B, 4 C, h, w) -> (B, C, 2h, 2w); of the channels, the row of the four positions varies slowest, then its column.
at::Tensor channels_to_space(const at::Tensor& x) {
  const int64_t B = x.size(0), C = x.size(1) / kHunyuanDoubling, h = x.size(2), w = x.size(3);
  return x.view({B, 2, 2, C, h, w}).permute({0, 3, 4, 1, 5, 2}).reshape({B, C, 2 * h, 2 * w});
}

std::string hunyuan_block_weight(int64_t level, int64_t index) {
  return concat("up.", level, ".block.", index, ".conv1.weight");
}

}  // namespace

std::string HunyuanDecoderConfig::describe() const {
  std::string widths;
  for (const int64_t width : block_out_channels) widths += (widths.empty() ? "" : ",") + std::to_string(width);
  return concat("hunyuan [", widths, "], ", num_res_blocks, " blocks, ", z_channels, " latent channels, cells of ",
                ffactor_spatial, " px");
}

bool HunyuanDecoderConfig::same_network(const HunyuanDecoderConfig& other) const {
  if (z_channels != other.z_channels || block_out_channels != other.block_out_channels ||
      num_res_blocks != other.num_res_blocks || ffactor_spatial != other.ffactor_spatial) {
    return false;
  }
  for (int64_t level = 0; level < levels() && doubles(level); ++level) {
    if (width_after(level) != other.width_after(level)) return false;
  }
  return true;
}

Json HunyuanDecoderConfig::to_json() const {
  Json json = Json::object();
  Json widths = Json::array();
  for (const int64_t width : block_out_channels) widths.push_back(width);
  json.set("block_out_channels", widths);
  json.set("out_channels", 3);
  json.set("z_channels", z_channels);
  json.set("num_res_blocks", num_res_blocks);
  json.set("ffactor_spatial", ffactor_spatial);
  json.set("ffactor_temporal", 1);
  json.set("upsample_match_channel", upsample_match_channel);
  return json;
}

HunyuanDecoderConfig HunyuanDecoderConfig::from_json(const Json& json) {
  HunyuanDecoderConfig config;
  config.z_channels = json.get_int("z_channels", config.z_channels);
  if (const Json* widths = json.find("block_out_channels")) config.block_out_channels = widths->as_int_list();
  config.num_res_blocks = json.get_int("num_res_blocks", config.num_res_blocks);
  config.ffactor_spatial = json.get_int("ffactor_spatial", config.ffactor_spatial);
  config.upsample_match_channel = json.get_bool("upsample_match_channel", config.upsample_match_channel);
  const int64_t frames = json.get_int("ffactor_temporal", 1), colours = json.get_int("out_channels", 3);
  SVG_CHECK(frames == 1, ErrorCode::kInvalidConfig, "[hunyuan_decoder] ffactor_temporal is ", frames,
            ": such a decoder makes films; only 1 makes a picture of a latent");
  SVG_CHECK(colours == 3, ErrorCode::kInvalidConfig, "[hunyuan_decoder] out_channels is ", colours,
            ", pictures have 3");
  config.check();
  return config;
}

bool HunyuanDecoderConfig::recognises(const Weights& weights) {
  const auto conv_in = weights.shape_of("conv_in.weight");
  return conv_in && conv_in->size() == 5 && weights.has(hunyuan_block_weight(0, 0));
}

HunyuanDecoderConfig HunyuanDecoderConfig::infer(const Weights& weights) {
  SVG_CHECK(recognises(weights), ErrorCode::kWeightsMismatch, weights.description(),
            " holds no HunyuanImage decoder: \"conv_in.weight\" is no 3-D convolution's, or \"",
            hunyuan_block_weight(0, 0), "\" is missing");
  const auto channels = [&](const std::string& name, size_t side) {
    const auto shape = weights.shape_of(name);
    SVG_CHECK(shape && shape->size() == 5, ErrorCode::kWeightsMismatch, "[hunyuan_decoder] no 3-D convolution \"", name,
              "\"");
    return shape->at(side);
  };
  HunyuanDecoderConfig config;
  config.z_channels = channels("conv_in.weight", 1);
  config.block_out_channels.clear();
  while (weights.has(hunyuan_block_weight(config.levels(), 0))) {
    config.block_out_channels.push_back(channels(hunyuan_block_weight(config.levels(), 0), 0));
  }
  int64_t blocks = 1;
  while (weights.has(hunyuan_block_weight(0, blocks))) ++blocks;
  config.num_res_blocks = blocks - 1;
  config.ffactor_spatial = 1;
  config.upsample_match_channel = true;
  for (int64_t level = 0; level + 1 < config.levels(); ++level) {
    const std::string name = concat("up.", level, ".upsample.conv.weight");
    if (!weights.has(name)) break;
    config.ffactor_spatial *= 2;
    const int64_t next = channels(hunyuan_block_weight(level + 1, 0), 1);
    SVG_CHECK(channels(name, 0) == kHunyuanDoubling * next, ErrorCode::kWeightsMismatch, "[hunyuan_decoder] \"", name,
              "\" has ", channels(name, 0), " channels where the next level takes ", next,
              ": a doubling in space alone has four times as many");
    if (next != config.width(level + 1)) config.upsample_match_channel = false;
  }
  return config;
}

void HunyuanDecoderConfig::check() const {
  SVG_CHECK(!block_out_channels.empty() && num_res_blocks >= 0 && z_channels > 0, ErrorCode::kInvalidConfig,
            "[hunyuan_decoder] ", describe(), ": no such network");
  for (const int64_t width : block_out_channels) {
    SVG_CHECK(width > 0 && width % kDecoderGroups == 0, ErrorCode::kInvalidConfig, "[hunyuan_decoder] a level of ",
              width, " channels: must be a multiple of ", kDecoderGroups);
  }
  SVG_CHECK(ffactor_spatial > 0 && (ffactor_spatial & (ffactor_spatial - 1)) == 0, ErrorCode::kInvalidConfig,
            "[hunyuan_decoder] ffactor_spatial is ", ffactor_spatial, ", must be a power of two");
  SVG_CHECK(levels() < 62 && (int64_t{1} << (levels() - 1)) >= ffactor_spatial, ErrorCode::kInvalidConfig,
            "[hunyuan_decoder] ffactor_spatial ", ffactor_spatial, " takes more doublings than ", levels(),
            " levels have between them");
  SVG_CHECK(width(0) % z_channels == 0 || z_channels >= kShortcutChannels, ErrorCode::kInvalidConfig,
            "[hunyuan_decoder] ", z_channels, " latent channels: the first level's ", width(0),
            " must be a multiple, or there must be ", kShortcutChannels, " or more");
  for (int64_t level = 0; doubles(level); ++level) {
    SVG_CHECK(kHunyuanDoubling * width_after(level) % width(level) == 0, ErrorCode::kInvalidConfig,
              "[hunyuan_decoder] ", width(level), " channels before a doubling and ", width_after(level),
              " after it: four times the latter must be a multiple of the former");
  }
}

HunyuanDecoder::HunyuanDecoder(const Weights& given, const HunyuanDecoderConfig& config, ConvOperations operations)
    : config_(config), operations_(operations) {
  config.check();
  const Weights weights(std::make_shared<HunyuanOneFrame>(given));
  int64_t in = config.width(0);
  conv_in_ = decoder_conv3x3(weights.scope("conv_in"), config.z_channels, in);
  mid_blocks_.emplace_back(weights.scope("mid.block_1"), in, in);
  mid_attn_.emplace_back(weights.scope("mid.attn_1"), in);
  mid_blocks_.emplace_back(weights.scope("mid.block_2"), in, in);
  for (int64_t index = 0; index < config.levels(); ++index) {
    const Weights from = weights.scope("up." + std::to_string(index));
    Level level;
    for (int64_t i = 0; i <= config.num_res_blocks; ++i) {
      level.blocks.emplace_back(from.scope("block." + std::to_string(i)), in, config.width(index));
      in = config.width(index);
    }
    if (config.doubles(index)) {
      const int64_t out = config.width_after(index);
      level.upsample.push_back(decoder_conv3x3(from.scope("upsample.conv"), in, kHunyuanDoubling * out));
      level.repeats = kHunyuanDoubling * out / in;
      in = out;
    }
    levels_.push_back(std::move(level));
  }
  norm_out_ = decoder_norm(weights.scope("norm_out"), in);
  conv_out_ = decoder_conv3x3(weights.scope("conv_out"), in, 3);
}

at::Tensor HunyuanDecoder::decode(const at::Tensor& latent) const {
  SVG_CHECK(latent.dim() == 4 && latent.size(1) == config_.z_channels, ErrorCode::kInvalidArgument,
            "[hunyuan_decoder] latent must be (batch, ", config_.z_channels, ", height, width), not ", latent.sizes());
  const auto layout =
      operations_ == ConvOperations::kReference ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast;
  const at::Tensor z = latent.to(conv_in_.weight.scalar_type()).contiguous(layout);
  const int64_t width = config_.width(0);
  // The original repeats the last eight channels, those of its residual branch, where the widths do not divide.
  const at::Tensor repeated = width % config_.z_channels == 0 ? z : z.slice(1, config_.z_channels - kShortcutChannels);
  at::Tensor x = conv_in_(z) + repeated.repeat_interleave(width / repeated.size(1), 1);
  x = mid_blocks_[0](x, operations_);
  x = mid_blocks_[1](mid_attn_[0](x, operations_), operations_);
  for (const Level& level : levels_) {
    for (const DecoderResBlock& block : level.blocks) x = block(x, operations_);
    for (const Conv2d& conv : level.upsample) {
      // Added before the move: it is the same move for both.
      const at::Tensor wide = operations_ == ConvOperations::kReference ? conv(x) : conv3x3(conv, x);
      x = channels_to_space((wide + x.repeat_interleave(level.repeats, 1)).contiguous()).contiguous(layout);
    }
  }
  return conv_out_(norm_swish(norm_out_, x, operations_)).to(at::kFloat).contiguous();
}

}  // namespace svg
