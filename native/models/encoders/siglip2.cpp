#include "models/encoders/siglip2.h"

#include <map>

#include "core/error.h"

namespace svg::siglip2 {
namespace {

const VitNames kNames = {.patches = "embeddings.patch_embedding",
                         .class_token = "",
                         .registers = "",
                         .positions = "embeddings.position_embedding.weight",
                         .blocks = "encoder.layers",
                         .norm = "post_layernorm",
                         .block = {.norm1 = "layer_norm1",
                                   .norm2 = "layer_norm2",
                                   .qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
                                   .proj = "self_attn.out_proj",
                                   .fc1 = "mlp.fc1",
                                   .fc2 = "mlp.fc2",
                                   .gate_up = {},
                                   .down = "",
                                   .scale1 = "",
                                   .scale2 = "",
                                   .qkv_bias_mask = ""}};

Weights tower(const Weights& weights) {
  return weights.has("vision_model.embeddings.patch_embedding.weight") ? weights.scope("vision_model") : weights;
}

VitConfig base() {
  VitConfig config;
  config.model = "siglip2";
  config.pixel_mean = config.pixel_deviation = {0.5, 0.5, 0.5};
  config.block.activation = Activation::kGeluTanh;
  config.position_side = 16;
  config.whole_patches = false;  // so400m-patch14-384 was trained on 27 patches a side and left 6 pixels unread
  return config;
}

/// Heads are of 64 channels but for the widest two, which have 16.
int64_t usual_heads(int64_t width) { return width == 1152 || width == 1536 ? 16 : width / 64; }

VitConfig preset(const std::string& name) {
  struct Sizes {
    int64_t width, depth, hidden;
  };
  static const std::map<std::string, Sizes> sizes = {{"base", {768, 12, 3072}},
                                                     {"large", {1024, 24, 4096}},
                                                     {"so400m", {1152, 27, 4304}},
                                                     {"giant-opt", {1536, 40, 6144}}};
  for (const auto& [size, of] : sizes) {
    const std::string begin = concat("siglip2-", size, "-patch");
    if (!name.starts_with(begin)) continue;
    // "16-256": pixels of a patch, pixels of the picture it was trained on
    const std::string rest = name.substr(begin.size());
    const size_t dash = rest.find('-');
    const auto digits = [](const std::string& text) {
      return !text.empty() && text.size() < 5 && text.find_first_not_of("0123456789") == std::string::npos;
    };
    if (dash == std::string::npos || !digits(rest.substr(0, dash)) || !digits(rest.substr(dash + 1))) break;
    VitConfig config = base();
    config.patch_size = std::stoll(rest.substr(0, dash));
    if (config.patch_size == 0) break;
    config.position_side = std::stoll(rest.substr(dash + 1)) / config.patch_size;
    if (config.position_side == 0) break;
    config.block.width = of.width;
    config.block.num_heads = usual_heads(of.width);
    config.block.ffn_hidden = of.hidden;
    config.depth = of.depth;
    return config;
  }
  throw Error(ErrorCode::kInvalidConfig, "[siglip2] no architecture \"" + name + "\"",
              "known: siglip2-{base,large,so400m,giant-opt}-patchP-S of the published fixed-resolution models, such as "
              "siglip2-base-patch16-256 or siglip2-so400m-patch14-384");
}

}  // namespace

bool recognise(const Weights& weights) {
  const Weights inner = tower(weights);
  return inner.has("embeddings.patch_embedding.weight") && inner.has("encoder.layers.0.layer_norm1.weight");
}

VitConfig from_json(const Json& json) {
  if (const Json* arch = json.find("arch")) return preset(arch->as_string());
  VitConfig config = base();
  config.block.width = json.get_int("embed_dim", json.get_int("hidden_size", config.block.width));
  config.block.ffn_hidden = 4 * config.block.width;
  config.block.num_heads = usual_heads(config.block.width);
  return vit_from_json(json, config);
}

VitConfig infer(const Weights& weights, const Json& model_config, int64_t heads) {
  const Weights inner = tower(weights);
  const auto patch = inner.shape_of("embeddings.patch_embedding.weight");
  if (patch && patch->size() == 2) {
    throw Error(ErrorCode::kWeightsMismatch,
                concat(weights.description(), " holds a SigLIP2 of variable resolution (NaFlex), which is not read"),
                "Take a model of fixed resolution, such as google/siglip2-base-patch16-256.");
  }
  if (inner.has("embeddings.class_embedding")) {
    throw Error(
        ErrorCode::kWeightsMismatch,
        concat(weights.description(), " holds a CLIP vision tower (\"embeddings.class_embedding\"), no SigLIP2"));
  }
  VitConfig config = infer_vit(inner, base(), kNames);
  if (heads == 0) heads = usual_heads(config.block.width);
  if (!model_config.is_object()) return with_model_config(inner, config, {}, heads);
  const Json* vision = model_config.find("vision_config");
  const Json& json = vision ? *vision : model_config;
  const std::string type = json.get_string("model_type", "siglip_vision_model");
  SVG_CHECK(type.starts_with("siglip"), ErrorCode::kInvalidConfig, "[siglip2] config.json is of model_type \"", type,
            "\"");
  return with_model_config(inner, config, json, heads);
}

bool is_spare(const std::string& name) {
  const std::string inner = name.starts_with("vision_model.") ? name.substr(13) : name;
  return inner.starts_with("head.") || inner == "embeddings.position_ids" || name.starts_with("text_model.") ||
         name == "logit_scale" || name == "logit_bias" || name.starts_with("classifier.");
}

std::unique_ptr<Vit> build(const Weights& weights, const VitConfig& config) {
  return std::make_unique<Vit>(tower(weights), config, kNames);
}

EncoderKind kind() {
  EncoderKind entry;
  entry.name = "siglip2";
  entry.title = "SigLIP2 vision tower";
  entry.presets = {"siglip2-base-patch16-224",   "siglip2-base-patch16-256",      "siglip2-base-patch16-384",
                   "siglip2-base-patch16-512",   "siglip2-base-patch32-256",      "siglip2-large-patch16-256",
                   "siglip2-large-patch16-384",  "siglip2-large-patch16-512",     "siglip2-so400m-patch14-224",
                   "siglip2-so400m-patch14-384", "siglip2-so400m-patch16-256",    "siglip2-so400m-patch16-384",
                   "siglip2-so400m-patch16-512", "siglip2-giant-opt-patch16-256", "siglip2-giant-opt-patch16-384"};
  entry.files = "^siglip2?(?!.*stats)";
  entry.yaml_key = "siglipconfig";
  entry.is_spare = is_spare;
  return vit_kind(entry, {.label = "SigLIP2",
                          .recognise = recognise,
                          .from_json = from_json,
                          .infer = infer,
                          .usual_heads = usual_heads,
                          .build = build,
                          .buffers = nullptr,
                          .comparable = tower});
}

}  // namespace svg::siglip2
