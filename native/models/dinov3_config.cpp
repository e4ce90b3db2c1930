// The ways to a Dinov3Config: the public constructor's keys, a preset, or the weights themselves.
#include <map>

#include "core/error.h"
#include "models/dinov3.h"
#include "models/dinov3_names.h"

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

std::vector<int64_t> shape(const Weights& weights, const std::string& name) {
  const auto found = weights.shape_of(name);
  SVG_CHECK(found, ErrorCode::kWeightsMismatch, weights.description(), " holds no DINOv3 ViT: \"", name,
            "\" is missing");
  return *found;
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
  config.mask_k_bias = json.get_bool("mask_k_bias", config.mask_k_bias);
  config.storage_tokens = json.get_int("n_storage_tokens", config.storage_tokens);
  config.untie_cls_and_patch_norms = json.get_bool("untie_cls_and_patch_norms", config.untie_cls_and_patch_norms);
  config.norm_eps = eps_of(json.get_string("norm_layer", "layernormbf16"));
  config.rope_base = json.get_double("pos_embed_rope_base", config.rope_base);
  return config;
}

Dinov3Config Dinov3Config::infer(const Weights& given) {
  const Weights weights = with_published_dinov3_names(given);
  Dinov3Config config;
  const std::vector<int64_t> patch = shape(weights, "patch_embed.proj.weight");
  SVG_CHECK(patch.size() == 4, ErrorCode::kWeightsMismatch, "[dinov3] \"patch_embed.proj.weight\" has shape ",
            at::IntArrayRef(patch));
  config.embed_dim = patch[0];
  config.patch_size = patch[3];
  config.depth = 0;
  while (weights.has("blocks." + std::to_string(config.depth) + ".norm1.weight")) ++config.depth;
  const bool mlp = weights.has("blocks.0.mlp.fc1.weight");
  config.ffn = mlp ? Ffn::kMlp : Ffn::kSwiglu;
  config.ffn_hidden = shape(weights, mlp ? "blocks.0.mlp.fc1.weight" : "blocks.0.mlp.w1.weight")[0];
  config.qkv_bias = weights.has("blocks.0.attn.qkv.bias");
  const auto storage = weights.shape_of("storage_tokens");
  config.storage_tokens = storage ? storage->at(1) : 0;
  config.untie_cls_and_patch_norms = weights.has("cls_norm.weight");
  // A head has four values per period. Without stored periods: 64 per head, 128 in the 7B.
  const auto periods = weights.shape_of("rope_embed.periods");
  const int64_t head_dim = periods ? 4 * periods->at(0) : (config.embed_dim == 4096 ? 128 : 64);
  config.num_heads = config.embed_dim / head_dim;
  return config;
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
