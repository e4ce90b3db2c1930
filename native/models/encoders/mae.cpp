#include "models/encoders/mae.h"

#include <map>

#include "core/error.h"
#include "models/encoders/dinov2.h"
#include "models/vit/names.h"

namespace svg::mae {
namespace {

/// Of transformers' ViTMAE; facebookresearch's files were trained with 1e-6.
constexpr double kHuggingFaceEps = 1e-12;

struct Found {
  Weights weights;
  VitNames names;
  bool hugging_face = false;
};

VitNames hugging_face_names(const Weights& weights) {
  VitNames names = VitNames::hugging_face(weights);
  names.block.norm1 = "layernorm_before";
  names.block.norm2 = "layernorm_after";
  if (weights.has(names.blocks + ".0.mlp.fc1.weight")) return names;  // transformers 5 in memory
  names.block.fc1 = "intermediate.dense";
  names.block.fc2 = "output.dense";
  return names;
}

/// Published names where there are none yet: those of fresh weights.
Found locate(const Weights& weights) {
  for (const bool below : {false, true}) {
    const Weights inner = below ? weights.scope("vit") : weights;
    if (!inner.has("embeddings.patch_embeddings.projection.weight")) continue;
    return {inner, hugging_face_names(inner), true};
  }
  return {weights, VitNames::published(), false};
}

VitConfig base() {
  VitConfig config;
  config.model = "mae";
  config.fixed_positions = true;
  return config;
}

/// Heads are of 64 channels but for the huge one's 16.
int64_t usual_heads(int64_t width) { return width == 1280 ? 16 : width / 64; }

VitConfig preset(const std::string& name) {
  struct Sizes {
    int64_t width, depth, patch;
  };
  static const std::map<std::string, Sizes> sizes = {{"mae_vit_base_patch16", {768, 12, 16}},
                                                     {"mae_vit_large_patch16", {1024, 24, 16}},
                                                     {"mae_vit_huge_patch14", {1280, 32, 14}}};
  const auto found = sizes.find(name);
  if (found == sizes.end()) {
    throw Error(ErrorCode::kInvalidConfig, "[mae] no architecture \"" + name + "\"",
                "known: mae_vit_base_patch16, mae_vit_large_patch16, mae_vit_huge_patch14");
  }
  VitConfig config = base();
  config.block.width = found->second.width;
  config.block.num_heads = usual_heads(config.block.width);
  config.block.ffn_hidden = 4 * config.block.width;
  config.depth = found->second.depth;
  config.patch_size = found->second.patch;
  config.position_side = 224 / config.patch_size;
  return config;
}

}  // namespace

bool recognise(const Weights& weights) {
  const Found found = locate(weights);
  const Weights first = found.weights.scope(found.names.blocks + ".0");
  return found.weights.has(found.names.positions) && found.weights.has(found.names.class_token) &&
         first.has(found.names.block.norm1 + ".weight") && !first.has(found.names.block.scale1) &&
         !first.has("gamma_1") && !dinov2::recognise(weights);
}

VitConfig from_json(const Json& json) {
  if (const Json* arch = json.find("arch")) {
    VitConfig config = preset(arch->as_string());
    config.position_side = json.get_int("img_size", config.position_side * config.patch_size) / config.patch_size;
    return config;
  }
  VitConfig config = base();
  config.block.width = json.get_int("embed_dim", json.get_int("hidden_size", config.block.width));
  config.block.ffn_hidden = 4 * config.block.width;
  config.block.num_heads = usual_heads(config.block.width);
  return vit_from_json(json, config);
}

VitConfig infer(const Weights& weights, const Json& model_config, int64_t heads) {
  const Found found = locate(weights);
  if (!found.hugging_face && !weights.has("norm.weight") && weights.has("fc_norm.weight")) {
    throw Error(ErrorCode::kWeightsMismatch,
                concat(weights.description(), " was fine-tuned to classify by the mean of its patches: it has ",
                       "\"fc_norm\" and no norm of the patches"),
                "Take a pretrained file, such as mae_pretrain_vit_base.pth.");
  }
  VitConfig config = base();
  if (found.hugging_face) config.block.norm_eps = kHuggingFaceEps;
  config = infer_vit(found.weights, config, found.names);
  if (heads == 0) heads = usual_heads(config.block.width);
  if (!found.hugging_face || !model_config.is_object()) return with_model_config(found.weights, config, {}, heads);
  const std::string type = model_config.get_string("model_type", "vit_mae");
  SVG_CHECK(type == "vit_mae" || type == "vit", ErrorCode::kInvalidConfig, "[mae] config.json is of model_type \"",
            type, "\"");
  return with_model_config(found.weights, config, model_config, heads);
}

bool is_spare(const std::string& name) {
  for (const char* prefix : {"decoder", "head.", "head_dist.", "fc_norm.", "classifier.", "pooler.", "vit.pooler."}) {
    if (name.starts_with(prefix)) return true;
  }
  // Under transformers' names, training's checkpoints hold the published one's positions beside those of the file.
  return name == "mask_token" || name == "pos_embed";
}

TensorMap buffers(const VitConfig& config) { return vit_buffers(config, VitNames::published()); }

std::unique_ptr<Vit> build(const Weights& weights, const VitConfig& config) {
  const Found found = locate(weights);
  VitConfig complete = config;
  complete.whole_patches = !found.hugging_face;
  return std::make_unique<Vit>(found.weights, complete, found.names);
}

Weights comparable(const Weights& weights) {
  const Found found = locate(weights);
  return under_vit_names(found.weights, found.names, VitNames::published());
}

EncoderKind kind() {
  EncoderKind entry;
  entry.name = "mae";
  entry.title = "MAE encoder";
  entry.presets = {"mae_vit_base_patch16", "mae_vit_large_patch16", "mae_vit_huge_patch14"};
  entry.files = "^(vit[-_])?mae(?!.*(stats|finetuned))";
  entry.yaml_key = "maeconfig";
  entry.is_spare = is_spare;
  return vit_kind(entry, {.label = "MAE",
                          .recognise = recognise,
                          .from_json = from_json,
                          .infer = infer,
                          .usual_heads = usual_heads,
                          .build = build,
                          .buffers = buffers,
                          .comparable = comparable});
}

}  // namespace svg::mae
