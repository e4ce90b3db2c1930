// The convolutional decoder's entry in the catalogue.
#include <numeric>

#include "core/error.h"
#include "models/decoders/conv_decoder.h"
#include "models/decoders/work.h"

namespace svg {
namespace {

DecoderPlan conv_decoder_plan(const ConvDecoderConfig& config) {
  DecoderPlan plan;
  plan.kind = "conv";
  plan.description = config.describe();
  plan.grid = {config.z_channels, config.scale()};
  // ch is the greatest common width, as infer() finds it: the same network may be written in two ways.
  int64_t ch = 0;
  for (int64_t level = 0; level < config.levels(); ++level) ch = std::gcd(ch, config.width(level));
  Json factors = Json::array();
  for (int64_t level = 0; level < config.levels(); ++level) factors.push_back(ch > 0 ? config.width(level) / ch : 0);
  plan.dimensions = Json::object()
                        .set("z_channels", config.z_channels)
                        .set("ch", ch)
                        .set("ch_mult", factors)
                        .set("num_res_blocks", config.num_res_blocks);
  if (config.attention_levels) {
    Json levels = Json::array();
    for (const int64_t level : *config.attention_levels) levels.push_back(level);
    plan.dimensions.set("attn_levels", std::move(levels));
  }
  plan.build = [config](const Weights& weights) { return std::make_unique<ConvDecoder>(weights, config); };
  plan.work = [config](const Cells& cells, int64_t element_bytes) {
    return conv_decoder_work(config, cells, element_bytes);
  };
  return plan;
}

std::optional<Recognised> recognise_conv_decoder(const Weights& weights) {
  const auto in = weights.shape_of("conv_in.weight");
  if (!in || in->size() != 4 || !weights.has("up.0.block.0.conv1.weight")) return std::nullopt;
  return Recognised{concat("convolutional decoder, ", in->at(1), " channels"), in->at(1)};
}

}  // namespace

DecoderKind conv_decoder_kind() {
  DecoderKind kind;
  kind.name = "conv";
  kind.title = "convolutional decoder";
  kind.yaml_key = "ddconfig";
  kind.recognise = recognise_conv_decoder;
  kind.from_json = [](const Json& json) { return conv_decoder_plan(ConvDecoderConfig::from_json(json)); };
  kind.infer = [](const Weights& weights, const ConfigReader&, const Json&) {
    return conv_decoder_plan(ConvDecoderConfig::infer(weights));
  };
  return kind;
}

}  // namespace svg
