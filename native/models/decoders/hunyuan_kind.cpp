// The HunyuanImage decoder's entry in the catalogue.
#include "core/error.h"
#include "models/decoders/hunyuan.h"
#include "models/decoders/work.h"

namespace svg {
namespace {

DecoderPlan hunyuan_plan(HunyuanDecoderConfig config) {
  // Of no effect where no doubling changes the width, and then not told by weights.
  bool widths_change = false;
  for (int64_t level = 0; config.doubles(level); ++level)
    widths_change |= config.width(level) != config.width(level + 1);
  if (!widths_change) config.upsample_match_channel = true;
  DecoderPlan plan;
  plan.kind = "hunyuan";
  plan.description = config.describe();
  plan.grid = {config.z_channels, config.ffactor_spatial};
  plan.dimensions = config.to_json();
  plan.build = [config](const Weights& weights) { return std::make_unique<HunyuanDecoder>(weights, config); };
  plan.work = [config](const Cells& cells, int64_t element_bytes) {
    return hunyuan_decoder_work(config, cells, element_bytes);
  };
  return plan;
}

std::optional<Recognised> recognise_hunyuan(const Weights& weights) {
  if (!HunyuanDecoderConfig::recognises(weights)) return std::nullopt;
  const int64_t channels = weights.shape_of("conv_in.weight")->at(1);
  return Recognised{concat("HunyuanImage decoder, ", channels, " channels"), channels};
}

}  // namespace

DecoderKind hunyuan_kind() {
  DecoderKind kind;
  kind.name = "hunyuan";
  kind.title = "HunyuanImage decoder";
  kind.yaml_key = "hyconfig";
  kind.recognise = recognise_hunyuan;
  kind.from_json = [](const Json& json) { return hunyuan_plan(HunyuanDecoderConfig::from_json(json)); };
  kind.infer = [](const Weights& weights, const ConfigReader&, const Json&) {
    return hunyuan_plan(HunyuanDecoderConfig::infer(weights));
  };
  return kind;
}

}  // namespace svg
