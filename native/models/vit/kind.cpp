#include "models/vit/kind.h"

#include "core/error.h"

namespace svg {
namespace {

struct VitEntry {
  std::string name;
  std::vector<std::string> presets;
  VitFamily family;
};

bool same_size(const VitConfig& a, const VitConfig& b) {
  return a.patch_size == b.patch_size && a.depth == b.depth && a.registers == b.registers &&
         a.block.width == b.block.width && a.block.num_heads == b.block.num_heads &&
         a.block.ffn_hidden == b.block.ffn_hidden && a.block.gated == b.block.gated;
}

std::string describe_vit(const VitEntry& entry, const VitConfig& config) {
  for (const std::string& preset : entry.presets) {
    if (same_size(entry.family.from_json(Json::object().set("arch", preset)), config)) {
      return concat(entry.family.label, " ", preset.substr(preset.find_first_of("_-") + 1));
    }
  }
  return concat(entry.family.label, " of ", config.depth, " blocks, width ", config.block.width, ", patches of ",
                config.patch_size);
}

EncoderPlan plan_of(const VitEntry& entry, const VitConfig& config) {
  EncoderPlan plan;
  plan.kind = entry.name;
  plan.description = describe_vit(entry, config);
  plan.channels = config.block.width;
  plan.dimensions = Json::object()
                        .set("kind", entry.name)
                        .set("embed_dim", config.block.width)
                        .set("depth", config.depth)
                        .set("num_heads", config.block.num_heads)
                        .set("intermediate_size", config.block.ffn_hidden)
                        .set("patch_size", config.patch_size)
                        .set("image_size", config.patch_size * config.position_side)
                        .set("num_register_tokens", config.registers)
                        .set("ffn_layer", config.block.gated ? "swiglu" : "mlp");
  plan.build = [build = entry.family.build, config](const Weights& weights) { return build(weights, config); };
  plan.build_plain = [build = entry.family.build, config](const Weights& weights,
                                                          const std::optional<PictureColours>& colours) {
    VitConfig plain = config;
    plain.norm_affine = false;
    if (colours) {
      plain.pixel_mean = colours->mean;
      plain.pixel_deviation = colours->deviation;
    }
    return build(weights, plain);
  };
  if (entry.family.buffers) plan.buffers = [buffers = entry.family.buffers, config] { return buffers(config); };
  return plan;
}

/// The checkpoint that training writes holds the encoder without a config.json.
bool told_by_weights(const VitFamily& family, const Weights& weights, const VitConfig& found) {
  const VitConfig usual = family.infer(weights, Json(), found.block.num_heads);
  return found.block.num_heads == family.usual_heads(found.block.width) &&
         found.block.norm_eps == usual.block.norm_eps && found.block.activation == usual.block.activation;
}

VitConfig settled_vit(const VitEntry& entry, const Weights& weights, const Json& model_config, const VitConfig& said) {
  const VitConfig found = entry.family.infer(weights, model_config, said.block.num_heads);
  SVG_CHECK(same_size(said, found), ErrorCode::kWeightsMismatch, weights.description(), ": the encoder is a ",
            describe_vit(entry, found), " (", found.depth, " blocks, width ", found.block.width, ", ",
            found.block.num_heads, " heads, ", found.registers, " registers), model.encoder says ",
            describe_vit(entry, said), " (", said.depth, " blocks, width ", said.block.width, ", ",
            said.block.num_heads, " heads, ", said.registers, " registers)");
  SVG_CHECK(told_by_weights(entry.family, weights, found), ErrorCode::kInvalidConfig, weights.description(),
            ": an encoder with other heads, another activation or eps than the published ones cannot be trained with, "
            "since checkpoints do not say so");
  return found;
}

}  // namespace

EncoderKind vit_kind(EncoderKind kind, const VitFamily& family) {
  const VitEntry entry{kind.name, kind.presets, family};
  kind.recognise = [entry](const Weights& weights) -> std::optional<Recognised> {
    if (!entry.family.recognise(weights)) return std::nullopt;
    try {
      const VitConfig config = entry.family.infer(weights, Json(), 1);
      VitConfig usual = config;
      usual.block.num_heads = entry.family.usual_heads(config.block.width);
      return Recognised{describe_vit(entry, usual), config.block.width};
    } catch (const Error&) {  // some shape is wrong: loading says which
      return Recognised{entry.family.label, 0};
    }
  };
  kind.from_json = [entry](const Json& json) { return plan_of(entry, entry.family.from_json(json)); };
  kind.infer = [entry](const Weights& weights, const ConfigReader& beside, const Json& said) {
    Json model_config = beside ? beside() : Json();
    // That of diffusers describes the autoencoder around it: its patch_size is the decoder's.
    if (model_config.is_object() && model_config.find("_class_name")) model_config = Json();
    if (said.is_null()) return plan_of(entry, entry.family.infer(weights, model_config, 0));
    return plan_of(entry, settled_vit(entry, weights, model_config, entry.family.from_json(said)));
  };
  kind.comparable = family.comparable;
  return kind;
}

}  // namespace svg
