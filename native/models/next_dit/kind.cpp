// NextDiT's entry in the catalogue.
#include <regex>

#include "core/error.h"
#include "models/next_dit/next_dit.h"
#include "models/next_dit/work.h"

namespace svg {
namespace {

VelocityPlan next_dit_plan(const NextDitConfig& config) {
  VelocityPlan plan;
  plan.kind = "next-dit";
  plan.description = NextDitConfig::describe(config.dim, config.layers, config.patch_dim());
  plan.dimensions = config.to_json();
  plan.channels = config.in_channels;
  plan.condition = ConditionKind::text(config.caption_dim, config.max_caption_tokens());
  plan.build = [config](const Weights& weights) { return std::make_unique<NextDit>(weights, config); };
  plan.work = [config](const VelocityLoad& load) { return next_dit_work(config, load); };
  plan.training_memory = [config](const VelocityLoad& load) { return next_dit_training_memory(config, load); };
  plan.prepared_work = [config](int64_t tokens, int64_t element_bytes) {
    return next_dit_caption_work(config, tokens, element_bytes);
  };
  return plan;
}

// Reads shapes alone: weights without q_norm do not tell their heads, but are no less a NextDiT.
std::optional<Recognised> recognise_next_dit(const Weights& weights) {
  const auto embedder = weights.shape_of("x_embedder.weight");
  if (!embedder || embedder->size() != 2 || !weights.has("layers.0.attention.qkv.weight")) return std::nullopt;
  int64_t layers = 0;
  while (weights.has(concat("layers.", layers, ".attention.qkv.weight"))) ++layers;
  return Recognised{NextDitConfig::describe((*embedder)[0], layers, (*embedder)[1]), (*embedder)[1]};
}

}  // namespace

VelocityKind next_dit_kind() {
  VelocityKind kind;
  kind.name = "next-dit";
  kind.title = "NextDiT";
  kind.presets = NextDitConfig::preset_names();
  kind.files = "^consolidated([._]ema)?(\\.00-of-01)?$";
  kind.recognise = recognise_next_dit;
  kind.from_json = [](const Json& json) { return next_dit_plan(NextDitConfig::from_json(json)); };
  kind.infer = [](const Weights& weights, const ConfigReader&, const Json& said) {
    return next_dit_plan(NextDitConfig::infer(weights, said.is_null() ? Json::object() : said));
  };
  // Rotary tables are computed, not read.
  kind.is_spare = [](const std::string& name) { return name == "freqs_cis" || name.starts_with("rope_embedder."); };
  // All that is large. The embedders and the final layer are a hundredth of it, and their errors reach every picture.
  kind.int8_matrix = [](const std::string& name, at::IntArrayRef) {
    static const std::regex matrix(R"((layers|noise_refiner|context_refiner)\.\d{1,4}\.)"
                                   R"((attention\.(qkv|out)|feed_forward\.w[123]|adaLN_modulation\.1)\.weight)");
    return name.size() <= 200 && std::regex_match(name, matrix);
  };
  return kind;
}

}  // namespace svg
