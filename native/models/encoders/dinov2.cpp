#include "models/encoders/dinov2.h"

#include <map>

#include "core/error.h"
#include "models/vit/names.h"

namespace svg::dinov2 {
namespace {

constexpr double kPublishedOffset = 0.1;

struct Found {
  Weights weights;
  VitNames names;
  bool hugging_face = false;
};

VitNames published_names() {
  VitNames names = VitNames::published();
  names.registers = "register_tokens";
  return names;
}

VitNames hugging_face_names(const Weights& weights) {
  VitNames names = VitNames::hugging_face(weights);
  names.registers = "embeddings.register_tokens";
  const bool apart = weights.has(names.blocks + ".0.mlp.gate_proj.weight");  // transformers 5 in memory
  names.block.gate_up =
      apart ? std::vector<std::string>{"mlp.gate_proj", "mlp.up_proj"} : std::vector<std::string>{"mlp.weights_in"};
  names.block.down = apart ? "mlp.down_proj" : "mlp.weights_out";
  names.block.scale1 = "layer_scale1.lambda1";
  names.block.scale2 = "layer_scale2.lambda1";
  return names;
}

/// Published names where there are none yet: those of fresh weights.
Found locate(const Weights& weights) {
  for (const char* prefix : {"", "dinov2", "dinov2_with_registers"}) {
    const Weights inner = *prefix == '\0' ? weights : weights.scope(prefix);
    if (!inner.has("embeddings.patch_embeddings.projection.weight")) continue;
    return {inner, hugging_face_names(inner), true};
  }
  return {weights, published_names(), false};
}

VitConfig base() {
  VitConfig config;
  config.model = "dinov2";
  config.patch_size = 14;
  config.position_side = 37;
  config.block.layer_scale = 1.0;
  config.block.init = Init::truncated_normal(0.02);
  return config;
}

/// SwiGLU keeps two thirds of the width, rounded up to 8. Source: dinov2/layers/swiglu_ffn.py.
void gate(VitConfig& config, bool hidden_is_given = false) {
  config.block.gated = true;
  config.block.activation = Activation::kSilu;
  if (hidden_is_given) return;
  const auto kept = static_cast<int64_t>(static_cast<double>(config.block.ffn_hidden) * 2 / 3);
  config.block.ffn_hidden = (kept + 7) / 8 * 8;
}

int64_t usual_heads(int64_t width) { return width / 64; }

VitConfig preset(const std::string& name) {
  struct Sizes {
    int64_t width, depth, heads;
  };
  static const std::map<std::string, Sizes> sizes = {
      {"vits14", {384, 12, 6}}, {"vitb14", {768, 12, 12}}, {"vitl14", {1024, 24, 16}}, {"vitg14", {1536, 40, 24}}};
  std::string plain = name.starts_with("dinov2_") ? name.substr(7) : name;
  const bool registers = plain.ends_with("_reg");
  if (registers) plain.resize(plain.size() - 4);
  const auto found = sizes.find(plain);
  if (found == sizes.end()) {
    throw Error(ErrorCode::kInvalidConfig, "[dinov2] no architecture \"" + name + "\"",
                "known: dinov2_vits14, dinov2_vitb14, dinov2_vitl14, dinov2_vitg14, each also with _reg");
  }
  VitConfig config = base();
  config.block.width = found->second.width;
  config.block.num_heads = found->second.heads;
  config.block.ffn_hidden = 4 * config.block.width;
  config.depth = found->second.depth;
  config.registers = registers ? 4 : 0;
  if (plain == "vitg14") gate(config);
  return config;
}

}  // namespace

bool recognise(const Weights& weights) {
  const Found found = locate(weights);
  const Weights& inner = found.weights;
  const Weights first = inner.scope(found.names.blocks + ".0");
  if (!inner.has(found.names.positions) || !first.has(found.names.block.norm1 + ".weight")) return false;
  if (first.has(found.names.block.scale1)) return true;
  // Without layer scales: told from an MAE, whose mask token is its decoder's, of three dimensions.
  const auto mask = inner.shape_of(found.hugging_face ? "embeddings.mask_token" : "mask_token");
  return inner.has(found.names.registers) || (mask && mask->size() == 2);
}

VitConfig from_json(const Json& json) {
  if (const Json* arch = json.find("arch")) {
    VitConfig config = preset(arch->as_string());
    config.position_side = json.get_int("image_size", config.position_side * config.patch_size) / config.patch_size;
    return config;
  }
  VitConfig config = base();
  config.block.width = json.get_int("embed_dim", json.get_int("hidden_size", config.block.width));
  config.block.ffn_hidden = 4 * config.block.width;
  config.block.num_heads = usual_heads(config.block.width);
  config = vit_from_json(json, config);
  const std::string ffn = json.get_string("ffn_layer", json.get_bool("use_swiglu_ffn", false) ? "swiglu" : "mlp");
  SVG_CHECK(ffn == "mlp" || ffn == "swiglu" || ffn == "swiglufused", ErrorCode::kInvalidConfig, "[dinov2] ffn_layer \"",
            ffn, "\" is none of mlp, swiglu, swiglufused");
  if (ffn != "mlp") gate(config, json.find("intermediate_size") != nullptr);
  config.registers = json.get_int("num_register_tokens", 0);
  SVG_CHECK(config.registers >= 0, ErrorCode::kInvalidConfig, "[dinov2] num_register_tokens is ", config.registers);
  config.block.layer_scale = json.get_double("layerscale_value", json.get_double("init_values", 1.0));
  if (json.find("interpolate_antialias") || json.find("interpolate_offset")) {
    config.resize = PositionResize{.antialias = json.get_bool("interpolate_antialias", false),
                                   .offset = json.get_double("interpolate_offset", kPublishedOffset)};
  }
  return config;
}

VitConfig infer(const Weights& weights, const Json& model_config, int64_t heads) {
  if (weights.has("reg_token")) {
    throw Error(
        ErrorCode::kWeightsMismatch,
        concat(weights.description(), " holds a DINOv2 under timm's names (\"reg_token\"), which are not read"),
        "Take the .pth of facebookresearch/dinov2, or the folder of facebook/dinov2-* that transformers reads.");
  }
  const Found found = locate(weights);
  VitConfig config = infer_vit(found.weights, base(), found.names);
  if (heads == 0) heads = usual_heads(config.block.width);
  if (!found.hugging_face) return with_model_config(found.weights, config, {}, heads);
  const std::string type = model_config.is_object() ? model_config.get_string("model_type", "dinov2") : "dinov2";
  SVG_CHECK(type == "dinov2" || type == "dinov2_with_registers", ErrorCode::kInvalidConfig,
            "[dinov2] config.json is of model_type \"", type, "\"");
  return with_model_config(found.weights, config, model_config, heads);
}

bool is_spare(const std::string& name) {
  return name == "mask_token" || name.ends_with("embeddings.mask_token") || name.starts_with("classifier.");
}

std::unique_ptr<Vit> build(const Weights& weights, const VitConfig& config) {
  const Found found = locate(weights);
  VitConfig complete = config;
  complete.whole_patches = !found.hugging_face;
  if (!config.resize) {
    const bool exact = found.hugging_face || config.registers > 0;
    complete.resize = PositionResize{.antialias = config.registers > 0, .offset = exact ? 0 : kPublishedOffset};
  }
  const Weights first = found.weights.scope(found.names.blocks + ".0");
  if (first.has(found.names.block.norm1 + ".weight") && !first.has(found.names.block.scale1)) {
    complete.block.layer_scale.reset();  // as the public constructor's init_values = None
  }
  return std::make_unique<Vit>(found.weights, complete, found.names);
}

Weights comparable(const Weights& weights) {
  const Found found = locate(weights);
  return under_vit_names(found.weights, found.names, published_names());
}

EncoderKind kind() {
  EncoderKind entry;
  entry.name = "dinov2";
  entry.title = "DINOv2 ViT";
  for (const char* size : {"vits14", "vitb14", "vitl14", "vitg14"}) {
    entry.presets.push_back(concat("dinov2_", size));
    entry.presets.push_back(concat("dinov2_", size, "_reg"));
  }
  entry.files = "^dinov2(?!.*(stats|head))";
  entry.yaml_key = "dinoconfig";
  entry.is_spare = is_spare;
  return vit_kind(entry, {.label = "DINOv2",
                          .recognise = recognise,
                          .from_json = from_json,
                          .infer = infer,
                          .usual_heads = usual_heads,
                          .build = build,
                          .buffers = nullptr,
                          .comparable = comparable});
}

}  // namespace svg::dinov2
