#include "models/class_dit/config.h"

#include <cmath>

#include "core/error.h"
#include "models/label_table.h"
#include "models/vit/positions.h"

namespace svg {
namespace {

struct ClassDitPreset {
  const char* name;
  int64_t hidden_size, depth, heads;
};

// Source: arXiv 2510.15301, table 5.
constexpr ClassDitPreset kClassDitPresets[] = {{"B", 768, 12, 12}, {"L", 1024, 24, 16}, {"XL", 1152, 28, 16}};

std::vector<int64_t> class_dit_shape(const Weights& weights, const std::string& name, size_t dims) {
  const auto shape = weights.shape_of(name);
  SVG_CHECK(shape.has_value(), ErrorCode::kWeightsMismatch, weights.description(),
            " holds no class-conditional SVG: \"", name, "\" is missing");
  SVG_CHECK(shape->size() == dims && (*shape)[0] > 0, ErrorCode::kWeightsMismatch, "tensor \"", name,
            "\" of a class-conditional SVG has ", shape->size(), " dimensions, not ", dims);
  return *shape;
}

/// A field that both the weights and the configuration name.
void agrees_with_class_dit(const Json& given, const char* key, int64_t inferred) {
  const Json* value = given.find(key);
  if (!value) return;
  SVG_CHECK(value->as_int() == inferred, ErrorCode::kWeightsMismatch, "the configuration says ", key, " ",
            value->as_int(), ", the class-conditional transformer's weights ", inferred);
}

void agrees_with_class_dit(const Json& given, const char* key, bool inferred) {
  const Json* value = given.find(key);
  if (!value) return;
  const auto word = [](bool on) { return on ? "true" : "false"; };
  SVG_CHECK(value->as_bool() == inferred, ErrorCode::kWeightsMismatch, "the configuration says ", key, " ",
            word(value->as_bool()), ", the class-conditional transformer's weights ", word(inferred));
}

/// Heads of weights without q_norm: from the configuration, else the published preset of that width.
int64_t heads_without_norm(const Json& given, int64_t hidden_size, int64_t attention_width) {
  if (const Json* heads = given.find("num_heads")) return heads->as_int();
  if (const Json* head_dim = given.find("head_dim"); head_dim && head_dim->as_int() > 0) {
    return attention_width / head_dim->as_int();
  }
  for (const ClassDitPreset& preset : kClassDitPresets) {
    if (preset.hidden_size == hidden_size && attention_width == hidden_size) return preset.heads;
  }
  throw Error(ErrorCode::kInvalidConfig, "weights without q_norm do not tell the number of heads: give num_heads");
}

}  // namespace

int64_t ClassDitConfig::parameter_count() const {
  const int64_t h = hidden_size, width = attention_width();
  const int64_t attention = 3 * width * (h + 1) + h * (width + 1) + (qk_norm ? 4 * head_dim : 0);
  const int64_t mlp = swiglu ? 3 * h * mlp_hidden : mlp_hidden * (h + 1) + h * (mlp_hidden + 1);
  const int64_t block = attention + mlp + 6 * h * (h + 1);
  const int64_t embedders = h * (in_channels + 1) + h * (256 + 1) + h * (h + 1) + label_rows() * h;
  return embedders + depth * block + out_channels() * (h + 1) + 2 * h * (h + 1);
}

void ClassDitConfig::check() const {
  const auto positive = [](int64_t value, const char* name) {
    SVG_CHECK(value > 0, ErrorCode::kInvalidConfig, "the class-conditional transformer's ", name, " is ", value);
  };
  positive(in_channels, "in_channels");
  positive(hidden_size, "hidden_size");
  positive(depth, "depth");
  positive(heads, "num_heads");
  positive(head_dim, "head_dim");
  positive(mlp_hidden, "feed-forward width");
  positive(num_classes, "num_classes");
  positive(side, "grid of positions");
  SVG_CHECK(hidden_size % 4 == 0, ErrorCode::kInvalidConfig, "hidden_size is ", hidden_size,
            ", its positions need a multiple of 4");
}

ClassDitConfig ClassDitConfig::preset(const std::string& name) {
  std::string known;
  for (const ClassDitPreset& preset : kClassDitPresets) {
    if (name == preset.name) {
      ClassDitConfig config;
      config.hidden_size = preset.hidden_size;
      config.depth = preset.depth;
      config.heads = preset.heads;
      config.head_dim = preset.hidden_size / preset.heads;
      config.mlp_hidden = 4 * preset.hidden_size;
      return config;
    }
    known += (known.empty() ? "" : ", ") + std::string(preset.name);
  }
  throw Error(ErrorCode::kInvalidArgument, "no preset \"" + name + "\" of the class-conditional transformer",
              "One of: " + known);
}

std::vector<std::string> ClassDitConfig::preset_names() {
  std::vector<std::string> names;
  for (const ClassDitPreset& preset : kClassDitPresets) names.push_back(preset.name);
  return names;
}

std::string ClassDitConfig::describe(int64_t hidden_size, int64_t depth, int64_t channels) {
  for (const ClassDitPreset& preset : kClassDitPresets) {
    if (preset.hidden_size == hidden_size && preset.depth == depth) {
      return concat("class-conditional SVG ", preset.name, ", ", channels, " channels");
    }
  }
  return concat("class-conditional SVG of ", depth, " blocks, width ", hidden_size, ", ", channels, " channels");
}

Json ClassDitConfig::to_json() const {
  return Json::object()
      .set("in_channels", in_channels)
      .set("hidden_size", hidden_size)
      .set("depth", depth)
      .set("num_heads", heads)
      .set("head_dim", head_dim)
      .set("mlp_ratio", static_cast<double>(mlp_hidden) / static_cast<double>(hidden_size))
      .set("num_classes", num_classes)
      .set("class_dropout_prob", null_class ? 0.1 : 0.0)
      .set("learn_sigma", learn_sigma)
      .set("qk_norm", qk_norm)
      .set("use_swiglu", swiglu);
}

ClassDitConfig ClassDitConfig::from_json(const Json& json) {
  const Json* arch = json.find("arch");
  ClassDitConfig config = arch ? preset(arch->as_string()) : ClassDitConfig{};
  const int64_t patch = json.get_int("patch_size", 1);
  SVG_CHECK(patch == 1, ErrorCode::kInvalidConfig, "patch_size is ", patch,
            ": SVG's transformer takes each cell as a token, so only 1 fits");
  config.in_channels = json.get_int("in_channels", config.in_channels);
  config.hidden_size = json.get_int("hidden_size", config.hidden_size);
  config.depth = json.get_int("depth", config.depth);
  config.heads = json.get_int("num_heads", config.heads);
  const Json* head_dim = json.find("head_dim");
  if (!head_dim) {
    SVG_CHECK(config.heads > 0 && config.hidden_size % config.heads == 0, ErrorCode::kInvalidConfig, "hidden_size ",
              config.hidden_size, " is no multiple of ", config.heads, " heads");
  }
  config.head_dim = head_dim ? head_dim->as_int() : config.hidden_size / config.heads;
  config.mlp_hidden = std::llround(static_cast<double>(config.hidden_size) * json.get_double("mlp_ratio", 4));
  config.num_classes = json.get_int("num_classes", config.num_classes);
  config.null_class = json.get_double("class_dropout_prob", 0.1) > 0;
  config.learn_sigma = json.get_bool("learn_sigma", config.learn_sigma);
  config.qk_norm = json.get_bool("qk_norm", config.qk_norm);
  config.swiglu = json.get_bool("use_swiglu", config.swiglu);
  config.check();
  return config;
}

ClassDitConfig ClassDitConfig::infer(const Weights& weights, const Json& given) {
  ClassDitConfig config;
  const auto embedder = class_dit_shape(weights, "ln1.weight", 2);
  config.hidden_size = embedder[0];
  config.in_channels = embedder[1];
  config.depth = 0;
  while (weights.has("blocks." + std::to_string(config.depth) + ".attn.qkv.weight")) ++config.depth;
  const int64_t width = class_dit_shape(weights, "blocks.0.attn.qkv.weight", 2)[0] / 3;
  config.qk_norm = weights.has("blocks.0.attn.q_norm.weight");
  config.heads = config.qk_norm ? width / class_dit_shape(weights, "blocks.0.attn.q_norm.weight", 1)[0]
                                : heads_without_norm(given, config.hidden_size, width);
  SVG_CHECK(config.heads > 0 && width % config.heads == 0, ErrorCode::kWeightsMismatch, "attention of width ", width,
            " is no multiple of ", config.heads, " heads");
  config.head_dim = width / config.heads;
  config.swiglu = weights.has("blocks.0.mlp.gate_proj.weight");
  config.mlp_hidden =
      class_dit_shape(weights, config.swiglu ? "blocks.0.mlp.gate_proj.weight" : "blocks.0.mlp.fc1.weight", 2)[0];

  const LabelTable labels = label_table(weights, given);
  config.null_class = labels.none;
  config.num_classes = labels.classes;

  const int64_t out = class_dit_shape(weights, "final_layer.linear.weight", 2)[0];
  SVG_CHECK(out == config.in_channels || out == 2 * config.in_channels, ErrorCode::kWeightsMismatch,
            "final_layer.linear gives ", out, " channels of a cell, neither ", config.in_channels,
            " nor twice as many");
  config.learn_sigma = out != config.in_channels;
  if (weights.has("pos_embed")) {
    const int64_t tokens = class_dit_shape(weights, "pos_embed", 3)[1];
    config.side = side_of_square(tokens);
    SVG_CHECK(config.side > 0, ErrorCode::kWeightsMismatch, "pos_embed holds ", tokens,
              " positions, which is no square");
  }
  agrees_with_class_dit(given, "patch_size", int64_t{1});
  agrees_with_class_dit(given, "in_channels", config.in_channels);
  agrees_with_class_dit(given, "hidden_size", config.hidden_size);
  agrees_with_class_dit(given, "depth", config.depth);
  agrees_with_class_dit(given, "num_heads", config.heads);
  agrees_with_class_dit(given, "head_dim", config.head_dim);
  agrees_with_class_dit(given, "learn_sigma", config.learn_sigma);
  agrees_with_class_dit(given, "qk_norm", config.qk_norm);
  agrees_with_class_dit(given, "use_swiglu", config.swiglu);
  config.check();
  return config;
}

}  // namespace svg
