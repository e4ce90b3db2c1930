#include "models/vit/vit.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "models/encoders/picture.h"
#include "models/vit/sincos.h"

namespace svg {
namespace {

/// (1, N, C), or (N, C) where the file has an embedding layer's table.
std::vector<int64_t> vit_table_shape(const Weights& weights, const VitNames& names, int64_t count, int64_t channels) {
  const auto stored = weights.shape_of(names.positions);
  if (names.class_token.empty() && (!stored || stored->size() == 2)) return {count, channels};
  return {1, count, channels};
}

std::vector<int64_t> need_of_vit(const Weights& weights, const std::string& model, const std::string& name,
                                 size_t rank) {
  const auto found = weights.shape_of(name);
  SVG_CHECK(found, ErrorCode::kWeightsMismatch, weights.description(), " holds no ", model, ": \"", name,
            "\" is missing");
  SVG_CHECK(found->size() == rank && *std::min_element(found->begin(), found->end()) > 0, ErrorCode::kWeightsMismatch,
            "[", model, "] \"", name, "\" has shape ", at::IntArrayRef(*found), " (", weights.description(), ")");
  return *found;
}

}  // namespace

VitNames VitNames::published() {
  return {.patches = "patch_embed.proj",
          .class_token = "cls_token",
          .registers = "",
          .positions = "pos_embed",
          .blocks = "blocks",
          .norm = "norm",
          .block = VitBlockNames::published()};
}

VitNames VitNames::hugging_face(const Weights& weights) {
  const std::string blocks = weights.has("layers.0.attention.q_proj.weight") ? "layers" : "encoder.layer";
  return {.patches = "embeddings.patch_embeddings.projection",
          .class_token = "embeddings.cls_token",
          .registers = "",
          .positions = "embeddings.position_embeddings",
          .blocks = blocks,
          .norm = "layernorm",
          .block = VitBlockNames::hugging_face(weights.has(blocks + ".0.attention.q_proj.weight"))};
}

Vit::Vit(const Weights& weights, const VitConfig& config, const VitNames& names) : config_(config) {
  const int64_t C = config.block.width, cells = config.position_side * config.position_side;
  SVG_CHECK(config.block.num_heads > 0 && C % config.block.num_heads == 0, ErrorCode::kInvalidConfig, "[", config.model,
            "] ", C, " channels cannot be cut into ", config.block.num_heads, " heads");
  patches_ = Conv2d(weights.scope(names.patches), 3, C, config.patch_size, config.patch_size);
  const bool has_class = !names.class_token.empty();
  if (has_class) class_token_ = weights.get(names.class_token, {1, 1, C}, Init::normal(0.02));
  if (config.registers > 0) {
    registers_ = weights.get(names.registers, {1, config.registers, C}, Init::normal(0.02));
  }
  prefix_ = (has_class ? 1 : 0) + config.registers;
  const std::vector<int64_t> shape = vit_table_shape(weights, names, cells + (has_class ? 1 : 0), C);
  if (config.fixed_positions && !weights.has(names.positions)) {
    positions_ = vit_buffers(config, names).at(names.positions).to(patches_.device());
  } else {
    const Role role = config.fixed_positions ? Role::kBuffer : Role::kExact;
    positions_ = weights.get(names.positions, shape, Init::truncated_normal(0.02), role);
  }
  for (int64_t i = 0; i < config.depth; ++i) {
    blocks_.emplace_back(weights.scope(names.block_name(i)), config.block, names.block);
  }
  if (config.norm_affine) {
    norm_ = LayerNorm(weights.scope(names.norm), C, config.block.norm_eps);
  } else {
    weights.get_optional(names.norm + ".weight", {C});  // files hold them: known, and of no use
    weights.get_optional(names.norm + ".bias", {C});
  }
}

at::Tensor Vit::tokens(const at::Tensor& image) const {
  SVG_CHECK(image.dim() == 4 && image.size(1) == 3, ErrorCode::kInvalidArgument, "[", config_.model,
            "] image must be (batch, 3, height, width), not ", image.sizes());
  const int64_t patch = config_.patch_size, B = image.size(0), H = image.size(2), W = image.size(3);
  const bool rest = config_.whole_patches && (H % patch != 0 || W % patch != 0);
  if (rest || H < patch || W < patch) {
    throw Error(
        ErrorCode::kInvalidArgument,
        concat("[", config_.model, "] an image of ", W, "x", H, " cannot be cut into patches of ", patch, "x", patch),
        concat("crop or resize it to ", std::max(patch, W / patch * patch), "x", std::max(patch, H / patch * patch)));
  }
  const at::ScalarType dtype = patches_.dtype();
  const at::Tensor cut = patches_(image.to(dtype)).flatten(2).transpose(1, 2).to(at::kFloat);
  // Viewed here, not where the model is built: a view of a parameter made without gradients learns nothing.
  const at::Tensor table = positions_.view({1, -1, channels()}).to(at::kFloat);
  std::vector<at::Tensor> parts;
  if (class_token_.defined()) {
    parts.push_back((class_token_.to(at::kFloat) + table.slice(1, 0, 1)).expand({B, -1, -1}));
  }
  if (registers_.defined()) parts.push_back(registers_.to(at::kFloat).expand({B, -1, -1}));
  parts.push_back(cut + resized_positions(table.slice(1, class_token_.defined() ? 1 : 0), H / patch, W / patch,
                                          config_.resize.value_or(PositionResize())));
  at::Tensor x = at::cat(parts, 1);
  for (const VitBlock& block : blocks_) x = block(x, dtype);
  return config_.norm_affine ? norm_(x) : at::layer_norm(x, {x.size(2)}, {}, {}, config_.block.norm_eps);
}

at::Tensor Vit::features(const at::Tensor& image, const Cells& cells) const {
  const at::Tensor pixels = normalised_picture(image, config_.pixel_mean, config_.pixel_deviation);
  const at::Tensor whole = tokens(patches_as_cells(pixels, cells, config_.patch_size));
  return whole.slice(1, prefix_).transpose(1, 2).reshape({image.size(0), channels(), cells.rows, cells.columns});
}

TensorMap vit_buffers(const VitConfig& config, const VitNames& names) {
  if (!config.fixed_positions) return {};
  const at::Tensor cells = sincos_positions(config.block.width, config.position_side, config.position_side);
  return {{names.positions, at::cat({at::zeros({1, config.block.width}), cells}).unsqueeze(0)}};
}

VitConfig infer_vit(const Weights& weights, VitConfig config, const VitNames& names) {
  const std::string& model = config.model;
  const auto patch = need_of_vit(weights, model, names.patches + ".weight", 4);
  SVG_CHECK(patch[1] == 3 && patch[2] == patch[3], ErrorCode::kWeightsMismatch, "[", model, "] \"", names.patches,
            ".weight\" has shape ", at::IntArrayRef(patch), ": square patches of 3 colours are wanted (",
            weights.description(), ")");
  config.patch_size = patch[3];
  config.block.width = patch[0];
  config.depth = 0;
  while (weights.has(names.block_name(config.depth) + "." + names.block.norm1 + ".weight")) ++config.depth;
  const Weights first = weights.scope(names.block_name(0));
  const std::vector<std::string>& gate = names.block.gate_up;
  config.block.gated = !gate.empty() && first.has(gate.front() + ".weight");
  const std::string feed = config.block.gated ? gate.front() : names.block.fc1;
  const int64_t rows = need_of_vit(first, model, feed + ".weight", 2)[0];
  config.block.ffn_hidden = config.block.gated ? rows * static_cast<int64_t>(gate.size()) / 2 : rows;
  if (config.block.gated) config.block.activation = Activation::kSilu;
  config.block.qkv_bias = first.has(names.block.qkv.front() + ".bias");
  const bool scaled = !names.block.scale1.empty() && first.has(names.block.scale1);
  if (scaled != config.block.layer_scale.has_value()) {
    config.block.layer_scale = scaled ? std::optional<double>(1.0) : std::nullopt;
  }
  if (!names.registers.empty()) {
    const auto registers = weights.shape_of(names.registers);
    SVG_CHECK(!registers || registers->size() == 3, ErrorCode::kWeightsMismatch, "[", model, "] \"", names.registers,
              "\" has ", registers ? registers->size() : 0, " dimensions, (1, tokens, channels) is wanted (",
              weights.description(), ")");
    config.registers = registers ? registers->at(1) : 0;
  }
  const auto table = weights.shape_of(names.positions);
  SVG_CHECK(table && table->size() >= 2, ErrorCode::kWeightsMismatch, weights.description(), " holds no ", model,
            ": \"", names.positions, "\" is missing");
  const int64_t cells = table->at(table->size() - 2) - (names.class_token.empty() ? 0 : 1);
  config.position_side = std::lround(std::sqrt(static_cast<double>(std::max<int64_t>(cells, 0))));
  SVG_CHECK(cells > 0 && config.position_side * config.position_side == cells, ErrorCode::kWeightsMismatch, "[", model,
            "] \"", names.positions, "\" holds ", cells, " positions of patches, no square's (", weights.description(),
            ")");
  return config;
}

VitConfig vit_from_json(const Json& json, VitConfig config) {
  const auto size = [&](int64_t& value, std::initializer_list<const char*> keys) {
    for (const char* key : keys) value = json.get_int(key, value);
    SVG_CHECK(value > 0, ErrorCode::kInvalidConfig, "[", config.model, "] ", *keys.begin(), " is ", value);
  };
  size(config.block.width, {"embed_dim", "hidden_size"});
  size(config.depth, {"depth", "num_hidden_layers"});
  size(config.block.num_heads, {"num_heads", "num_attention_heads"});
  size(config.patch_size, {"patch_size"});
  int64_t pixels = config.position_side * config.patch_size;
  size(pixels, {"img_size", "image_size"});
  config.position_side = pixels / config.patch_size;
  SVG_CHECK(config.position_side > 0, ErrorCode::kInvalidConfig, "[", config.model, "] img_size ", pixels,
            " is less than a patch of ", config.patch_size);
  for (const char* key : {"mlp_ratio", "ffn_ratio"}) {
    if (const Json* ratio = json.find(key)) {
      config.block.ffn_hidden = static_cast<int64_t>(static_cast<double>(config.block.width) * ratio->as_double());
    }
  }
  size(config.block.ffn_hidden, {"intermediate_size"});
  config.block.norm_eps = json.get_double("layer_norm_eps", config.block.norm_eps);
  SVG_CHECK(config.block.norm_eps > 0 && config.block.norm_eps < 1, ErrorCode::kInvalidConfig, "[", config.model,
            "] layer_norm_eps is ", config.block.norm_eps);
  if (const Json* name = json.find("hidden_act")) {
    config.block.activation = parse_activation(name->as_string(), config.model);
  }
  config.block.qkv_bias = json.get_bool("qkv_bias", config.block.qkv_bias);
  return config;
}

VitConfig with_model_config(const Weights& weights, VitConfig config, const Json& json, int64_t heads) {
  config.block.num_heads = heads;
  if (json.is_object()) {
    const auto agree = [&](const char* key, int64_t found) {
      const int64_t said = json.get_int(key, found);
      if (said == found) return;
      throw Error(ErrorCode::kWeightsMismatch,
                  concat("[", config.model, "] config.json says ", key, " ", said, ", the weights ", found, " (",
                         weights.description(), ")"),
                  "Use the config.json that was saved with these weights.");
    };
    agree("hidden_size", config.block.width);
    agree("num_hidden_layers", config.depth);
    agree("patch_size", config.patch_size);
    agree("num_channels", 3);
    if (!config.block.gated) agree("intermediate_size", config.block.ffn_hidden);
    config.block.num_heads = json.get_int("num_attention_heads", config.block.num_heads);
    config.block.norm_eps = json.get_double("layer_norm_eps", config.block.norm_eps);
    SVG_CHECK(config.block.norm_eps > 0 && config.block.norm_eps < 1, ErrorCode::kInvalidConfig, "[", config.model,
              "] config.json: layer_norm_eps ", config.block.norm_eps);
    const Json* act = json.find("hidden_act");
    if (act && !config.block.gated) config.block.activation = parse_activation(act->as_string(), config.model);
  }
  SVG_CHECK(config.block.num_heads > 0 && config.block.width % config.block.num_heads == 0, ErrorCode::kWeightsMismatch,
            "[", config.model, "] ", config.block.width, " channels over ", config.block.num_heads, " heads (",
            weights.description(), "): config.json beside the weights says how many heads there are");
  return config;
}

}  // namespace svg
