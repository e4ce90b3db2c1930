// Gemma-2's entry in the catalogue.
#include "core/error.h"
#include "models/conditioners/gemma2.h"
#include "models/conditioners/gemma2_work.h"

namespace svg {
namespace {

std::string gemma2_description(int64_t layers, int64_t width) {
  return concat("Gemma-2 of ", layers, " layers, width ", width);
}

ConditionerPlan gemma2_plan(const Gemma2Config& config) {
  ConditionerPlan plan;
  plan.kind = "gemma-2";
  plan.description = gemma2_description(config.layers, config.hidden_size);
  plan.condition = ConditionKind::text(config.hidden_size, kGemma2MaxPositions);
  plan.build = [config](const Weights& weights) {
    auto model = std::make_unique<Gemma2>(weights, config);
    model->refuse_unknown();
    return model;
  };
  plan.work = [config](int64_t tokens, int64_t element_bytes) { return gemma2_work(config, tokens, element_bytes); };
  return plan;
}

std::optional<Recognised> recognise_gemma2(const Weights& weights) {
  for (const std::string prefix : {"model.", "language_model.model.", ""}) {
    const auto table = weights.shape_of(prefix + "embed_tokens.weight");
    if (!table || table->size() != 2 || !weights.has(prefix + "layers.0.pre_feedforward_layernorm.weight")) continue;
    int64_t layers = 0;
    while (weights.has(concat(prefix, "layers.", layers, ".self_attn.q_proj.weight"))) ++layers;
    return Recognised{gemma2_description(layers, (*table)[1]), (*table)[1]};
  }
  return std::nullopt;
}

}  // namespace

ConditionerKind gemma2_kind() {
  ConditionerKind kind;
  kind.name = "gemma-2";
  kind.title = "Gemma-2";
  kind.recognise = recognise_gemma2;
  kind.from_json = [](const Json& json) { return gemma2_plan(Gemma2Config::from_json(json)); };
  // Shapes do not tell the windows, caps and heads: the folder's config.json does.
  kind.infer = [](const Weights& weights, const ConfigReader& beside, const Json& said) {
    const Json json = beside ? beside() : Json();
    SVG_CHECK(json.is_object(), ErrorCode::kFileNotFound, weights.description(), " has no config.json beside it");
    return gemma2_plan(Gemma2Config::from_json(json, said.get_bool("attentionSoftCap", false)));
  };
  kind.int8_matrix = [](const std::string& name, at::IntArrayRef) { return Gemma2::is_projection(name); };
  kind.is_spare = Gemma2::is_spare;
  return kind;
}

}  // namespace svg
