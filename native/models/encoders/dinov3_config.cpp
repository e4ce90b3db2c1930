// The ways to a Dinov3Config: the public constructor's keys, a preset, or the weights themselves.
#include <algorithm>
#include <cmath>
#include <map>
#include <type_traits>

#include "core/error.h"
#include "models/encoders/dinov3.h"
#include "models/encoders/dinov3_names.h"

namespace svg {
namespace {

/// SwiGLU keeps two thirds of the width, rounded up to `align`. Source: dinov3/layers/ffn_layers.py.
int64_t swiglu_hidden(int64_t width, int64_t align) {
  const int64_t hidden = static_cast<int64_t>(static_cast<double>(width) * 2 / 3);
  return (hidden + align - 1) / align * align;
}

void set_ffn(Dinov3Config& config, const std::string& layer, double ratio) {
  static const std::map<std::string, int64_t> align = {
      {"swiglu", 8}, {"swiglu32", 32}, {"swiglu64", 64}, {"swiglu128", 128}};
  const int64_t width = static_cast<int64_t>(static_cast<double>(config.embed_dim) * ratio);
  if (layer == "mlp") {
    config.ffn = Dinov3Config::Ffn::kMlp;
    config.activation = Activation::kGelu;
    config.ffn_hidden = width;
    return;
  }
  const auto found = align.find(layer);
  SVG_CHECK(found != align.end(), ErrorCode::kInvalidConfig, "[dinov3] ffn_layer \"", layer,
            "\" is none of mlp, swiglu, swiglu32, swiglu64, swiglu128");
  config.ffn = Dinov3Config::Ffn::kSwiglu;
  config.ffn_hidden = swiglu_hidden(width, found->second);
}

double eps_of(const std::string& layer) {
  if (layer == "layernormbf16") return 1e-5;
  if (layer == "layernorm") return 1e-6;
  throw Error(ErrorCode::kInvalidConfig, "[dinov3] norm_layer \"" + layer + "\" is none of layernorm, layernormbf16");
}

std::vector<int64_t> shape(const Weights& weights, const std::string& name, size_t rank) {
  const auto found = weights.shape_of(name);
  SVG_CHECK(found, ErrorCode::kWeightsMismatch, weights.description(), " holds no DINOv3 ViT: \"", name,
            "\" is missing");
  SVG_CHECK(found->size() == rank && *std::min_element(found->begin(), found->end()) > 0, ErrorCode::kWeightsMismatch,
            "[dinov3] \"", name, "\" has shape ", at::IntArrayRef(*found), " (", weights.description(), ")");
  return *found;
}

/// transformers 4 writes rope_theta; 5 may add rope_parameters, which it does not read where rope_theta stands too.
double parse_rope_theta(const Json& json, double fallback) {
  double theta = fallback;
  if (const Json* rope = json.find("rope_parameters")) {
    const std::string type = rope->get_string("rope_type", "default");
    SVG_CHECK(type == "default", ErrorCode::kInvalidConfig, "[dinov3] config.json: rope type \"", type,
              "\" is not supported");
    theta = rope->get_double("rope_theta", theta);
  }
  theta = json.get_double("rope_theta", theta);
  SVG_CHECK(theta > 0 && std::isfinite(theta), ErrorCode::kInvalidConfig, "[dinov3] config.json: rope_theta is ",
            theta);
  return theta;
}

/// What both config.json and the weights tell.
template <typename Value>
void agree(const Weights& weights, const char* key, Value said, Value found) {
  if (said == found) return;
  const auto text = [](Value value) {
    if constexpr (std::is_same_v<Value, bool>)
      return std::string(value ? "true" : "false");
    else
      return std::to_string(value);
  };
  throw Error(ErrorCode::kWeightsMismatch,
              concat("[dinov3] config.json says ", key, " ", text(said), ", the weights ", text(found), " (",
                     weights.description(), ")"),
              "Use the config.json that was saved with these weights.");
}

/// config.json of transformers' DINOv3ViTModel.
void apply_model_config(Dinov3Config& config, const Weights& theirs, const Json& json) {
  const std::string type = json.get_string("model_type", "dinov3_vit");
  SVG_CHECK(type == "dinov3_vit", ErrorCode::kInvalidConfig, "[dinov3] config.json is of model_type \"", type, "\"");
  const auto size = [&](const char* key, int64_t found) { agree(theirs, key, json.get_int(key, found), found); };
  size("hidden_size", config.embed_dim);
  size("intermediate_size", config.ffn_hidden);
  size("num_hidden_layers", config.depth);
  size("num_register_tokens", config.storage_tokens);
  size("patch_size", config.patch_size);
  size("num_channels", 3);
  const auto flag = [&](const char* key, bool found) { agree(theirs, key, json.get_bool(key, found), found); };
  const std::string attention = hugging_face_dinov3_layers(theirs) + ".0.attention.";
  const auto bias = [&](const char* part) { return theirs.has(concat(attention, part, "_proj.bias")); };
  flag("use_gated_mlp", config.ffn == Dinov3Config::Ffn::kSwiglu);
  flag("query_bias", bias("q"));
  flag("key_bias", bias("k"));
  flag("value_bias", bias("v"));
  flag("proj_bias", config.proj_bias);
  flag("mlp_bias", config.ffn_bias);
  config.num_heads = json.get_int("num_attention_heads", config.num_heads);
  config.rope_base = parse_rope_theta(json, config.rope_base);
  config.norm_eps = json.get_double("layer_norm_eps", config.norm_eps);
  SVG_CHECK(config.norm_eps > 0 && config.norm_eps < 1, ErrorCode::kInvalidConfig,
            "[dinov3] config.json: layer_norm_eps ", config.norm_eps);
  if (const Json* activation = json.find("hidden_act"))
    config.activation = parse_activation(activation->as_string(), "dinov3");
}

}  // namespace

Dinov3Config Dinov3Config::from_json(const Json& json) {
  Dinov3Config config;
  if (const Json* arch = json.find("arch")) {
    config = preset(arch->as_string());
  } else {
    config.embed_dim = json.at("embed_dim").as_int();
    config.depth = json.at("depth").as_int();
    config.num_heads = json.at("num_heads").as_int();
    set_ffn(config, json.get_string("ffn_layer", "mlp"), json.get_double("ffn_ratio", 4));
  }
  config.patch_size = json.get_int("patch_size", config.patch_size);
  config.qkv_bias = json.get_bool("qkv_bias", config.qkv_bias);
  config.proj_bias = json.get_bool("proj_bias", config.proj_bias);
  config.ffn_bias = json.get_bool("ffn_bias", config.ffn_bias);
  config.mask_k_bias = json.get_bool("mask_k_bias", config.mask_k_bias);
  config.storage_tokens = json.get_int("n_storage_tokens", config.storage_tokens);
  config.untie_cls_and_patch_norms = json.get_bool("untie_cls_and_patch_norms", config.untie_cls_and_patch_norms);
  config.norm_eps = eps_of(json.get_string("norm_layer", "layernormbf16"));
  config.rope_base = json.get_double("pos_embed_rope_base", config.rope_base);
  return config;
}

Dinov3Config Dinov3Config::infer(const Weights& given, const Json& model_config) {
  refuse_timm_dinov3_names(given);
  const bool hugging_face = has_hugging_face_dinov3_names(given);
  const Weights weights = with_published_dinov3_names(given);
  Dinov3Config config;
  const std::vector<int64_t> patch = shape(weights, "patch_embed.proj.weight", 4);
  config.embed_dim = patch[0];
  config.patch_size = patch[3];
  config.depth = 0;
  while (weights.has("blocks." + std::to_string(config.depth) + ".norm1.weight")) ++config.depth;
  // The gate decides: Hugging Face's up_proj stands in both kinds.
  const bool gated = weights.has("blocks.0.mlp.w1.weight");
  const std::string first = gated ? "blocks.0.mlp.w1" : "blocks.0.mlp.fc1";
  config.ffn = gated ? Ffn::kSwiglu : Ffn::kMlp;
  config.activation = gated ? Activation::kSilu : Activation::kGelu;
  config.ffn_hidden = shape(weights, first + ".weight", 2)[0];
  config.ffn_bias = weights.has(first + ".bias");
  config.proj_bias = weights.has("blocks.0.attn.proj.bias");
  config.qkv_bias = weights.has("blocks.0.attn.qkv.bias");
  // Published files mask the key's bias; Hugging Face's leave it out, and where it stands it counts.
  config.mask_k_bias = !(hugging_face && given.has(hugging_face_dinov3_layers(given) + ".0.attention.k_proj.bias"));
  const auto storage = weights.shape_of("storage_tokens");
  SVG_CHECK(!storage || storage->size() == 3, ErrorCode::kWeightsMismatch, "[dinov3] register tokens have ",
            storage->size(), " dimensions, (1, tokens, channels) is wanted (", weights.description(), ")");
  config.storage_tokens = storage ? storage->at(1) : 0;
  config.untie_cls_and_patch_norms = weights.has("cls_norm.weight");
  // A head has four values per period. Without stored periods: 64 per head, 128 in the 7B.
  const auto periods = weights.shape_of("rope_embed.periods");
  const int64_t head_dim = periods && periods->size() == 1 && periods->at(0) > 0 ? 4 * periods->at(0)
                           : config.embed_dim == 4096                            ? 128
                                                                                 : 64;
  config.num_heads = config.embed_dim / head_dim;
  if (hugging_face && model_config.is_object()) apply_model_config(config, given, model_config);
  SVG_CHECK(config.num_heads > 0 && config.embed_dim % config.num_heads == 0, ErrorCode::kWeightsMismatch, "[dinov3] ",
            config.embed_dim, " channels over ", config.num_heads, " heads (", weights.description(),
            "): config.json beside the weights says how many heads there are");
  return config;
}

bool Dinov3Config::told_by_weights() const {
  const bool usual = activation == (ffn == Ffn::kSwiglu ? Activation::kSilu : Activation::kGelu);
  return usual && norm_eps == Dinov3Config().norm_eps && mask_k_bias;
}

Dinov3Config Dinov3Config::preset(const std::string& name) {
  struct Preset {
    int64_t embed_dim, depth, num_heads;
    const char* ffn_layer;
    double ffn_ratio;
    bool qkv_bias;
  };
  static const std::map<std::string, Preset> presets = {
      {"vits16", {384, 12, 6, "mlp", 4, true}},          {"vits16plus", {384, 12, 6, "swiglu", 6, true}},
      {"vitb16", {768, 12, 12, "mlp", 4, true}},         {"vitl16", {1024, 24, 16, "mlp", 4, true}},
      {"vitl16plus", {1024, 24, 16, "swiglu", 6, true}}, {"vith16plus", {1280, 32, 20, "swiglu", 6, true}},
      {"vit7b16", {4096, 40, 32, "swiglu64", 3, false}},
  };
  const std::string prefix = "dinov3_";
  const auto found = presets.find(name.rfind(prefix, 0) == 0 ? name.substr(prefix.size()) : name);
  if (found == presets.end()) {
    std::string known;
    for (const auto& entry : presets) known += (known.empty() ? "" : ", ") + entry.first;
    throw Error(ErrorCode::kInvalidConfig, "[dinov3] no architecture \"" + name + "\"", "known: " + known);
  }
  const Preset& preset = found->second;
  Dinov3Config config;
  config.embed_dim = preset.embed_dim;
  config.depth = preset.depth;
  config.num_heads = preset.num_heads;
  config.qkv_bias = preset.qkv_bias;
  set_ffn(config, preset.ffn_layer, preset.ffn_ratio);
  return config;
}

}  // namespace svg
