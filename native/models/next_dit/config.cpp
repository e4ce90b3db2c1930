#include "models/next_dit/config.h"

#include <numeric>

#include "core/error.h"

namespace svg {
namespace {

struct Preset {
  const char* name;
  int64_t dim, layers, heads, kv_heads;
};

// Source: KlingTeam/SVG-T2I svg_t2i/models/model_dino.py, the functions at its end.
constexpr Preset kPresets[] = {
    {"0.8B", 1152, 28, 16, 8}, {"2B", 2304, 26, 24, 8}, {"3B", 2592, 30, 24, 8},
    {"4B", 2880, 32, 24, 8},   {"7B", 3840, 32, 32, 8},
};

std::vector<int64_t> equal_axes(int64_t head_dim) { return {head_dim / 3, head_dim / 3, head_dim / 3}; }

int64_t feed_forward_dim(int64_t dim, int64_t multiple_of, const Json* multiplier) {
  int64_t hidden = 4 * dim;
  if (multiplier) hidden = static_cast<int64_t>(multiplier->as_double() * static_cast<double>(hidden));
  return (hidden + multiple_of - 1) / multiple_of * multiple_of;
}

std::vector<int64_t> shape_of(const Weights& weights, const std::string& name, size_t dims) {
  const auto shape = weights.shape_of(name);
  SVG_CHECK(shape.has_value(), ErrorCode::kWeightsMismatch, weights.description(), " holds no NextDiT: \"", name,
            "\" is missing");
  SVG_CHECK(shape->size() == dims && !shape->empty() && (*shape)[0] > 0, ErrorCode::kWeightsMismatch, "tensor \"", name,
            "\" of a NextDiT has ", shape->size(), " dimensions, not ", dims);
  return *shape;
}

int64_t count_blocks(const Weights& weights, const std::string& list) {
  int64_t count = 0;
  while (weights.has(list + "." + std::to_string(count) + ".attention.qkv.weight")) ++count;
  return count;
}

/// A field that both the weights and the configuration name.
void agree(const Json& given, const char* key, int64_t inferred) {
  const Json* value = given.find(key);
  if (!value) return;
  SVG_CHECK(value->as_int() == inferred, ErrorCode::kWeightsMismatch, "the configuration says ", key, " ",
            value->as_int(), ", the diffusion transformer's weights ", inferred);
}

int64_t exact_sqrt(int64_t value) {
  int64_t root = 0;
  while ((root + 1) * (root + 1) <= value) ++root;
  return root * root == value ? root : 0;
}

/// Patch and channels share one width; the configuration decides, otherwise 1.
int64_t infer_patch(const Json& given, int64_t patch_dim) {
  if (const Json* patch = given.find("patch_size")) return patch->as_int();
  const Json* channels = given.find("in_channels");
  if (!channels || channels->as_int() <= 0 || patch_dim % channels->as_int() != 0) return 1;
  return std::max<int64_t>(exact_sqrt(patch_dim / channels->as_int()), 1);
}

}  // namespace

int64_t NextDitConfig::parameter_count() const {
  const int64_t attention = dim * (heads + 2 * kv_heads) * head_dim() + heads * head_dim() * dim;
  const int64_t plain = attention + 3 * dim * ffn_dim + 4 * dim + (qk_norm ? 2 * head_dim() : 0);
  const int64_t modulated = plain + 4 * dim * (adaln_dim() + 1);
  const int64_t embedders = dim * (patch_dim() + 1) + adaln_dim() * (256 + 1) + adaln_dim() * (adaln_dim() + 1) +
                            caption_dim + dim * (caption_dim + 1);
  const int64_t last = dim + patch_dim() * (dim + 1) + dim * (adaln_dim() + 1);
  return embedders + refiner_layers * plain + (refiner_layers + layers) * modulated + last;
}

void NextDitConfig::check() const {
  const auto positive = [](int64_t value, const char* name) {
    SVG_CHECK(value > 0, ErrorCode::kInvalidConfig, "the diffusion transformer's ", name, " is ", value);
  };
  positive(patch_size, "patch_size");
  positive(in_channels, "in_channels");
  positive(dim, "dim");
  positive(layers, "n_layers");
  positive(heads, "n_heads");
  positive(kv_heads, "n_kv_heads");
  positive(ffn_dim, "feed-forward width");
  positive(caption_dim, "cap_feat_dim");
  SVG_CHECK(refiner_layers >= 0, ErrorCode::kInvalidConfig, "n_refiner_layers is ", refiner_layers);
  SVG_CHECK(dim % heads == 0, ErrorCode::kInvalidConfig, "dim ", dim, " is no multiple of ", heads, " heads");
  SVG_CHECK(heads % kv_heads == 0, ErrorCode::kInvalidConfig, "n_heads ", heads, " is no multiple of n_kv_heads ",
            kv_heads);
  SVG_CHECK(axes_dims.size() == 3 && axes_lens.size() == 3, ErrorCode::kInvalidConfig,
            "axes_dims and axes_lens need three entries (caption, row, column)");
  for (size_t axis = 0; axis < 3; ++axis) {
    SVG_CHECK(axes_dims[axis] >= 0 && axes_dims[axis] % 2 == 0 && axes_lens[axis] > 0, ErrorCode::kInvalidConfig,
              "axis ", axis, " has width ", axes_dims[axis], " (must be even) and ", axes_lens[axis], " positions");
  }
  const int64_t sum = std::accumulate(axes_dims.begin(), axes_dims.end(), int64_t{0});
  SVG_CHECK(sum == head_dim(), ErrorCode::kInvalidConfig, "axes_dims add up to ", sum, ", a head has ", head_dim());
}

NextDitConfig NextDitConfig::preset(const std::string& name) {
  std::string known;
  for (const Preset& preset : kPresets) {
    if (name == preset.name) {
      NextDitConfig config;
      config.dim = preset.dim;
      config.layers = preset.layers;
      config.heads = preset.heads;
      config.kv_heads = preset.kv_heads;
      config.ffn_dim = feed_forward_dim(preset.dim, 256, nullptr);
      config.axes_dims = equal_axes(config.head_dim());
      config.check();
      return config;
    }
    known += (known.empty() ? "" : ", ") + std::string(preset.name);
  }
  throw Error(ErrorCode::kInvalidArgument, "no preset \"" + name + "\" of the diffusion transformer",
              "One of: " + known);
}

std::vector<std::string> NextDitConfig::preset_names() {
  std::vector<std::string> names;
  for (const Preset& preset : kPresets) names.push_back(preset.name);
  return names;
}

std::string NextDitConfig::describe(int64_t dim, int64_t layers, int64_t patch_dim) {
  for (const Preset& preset : kPresets) {
    if (preset.dim == dim && preset.layers == layers) return concat("NextDiT ", preset.name);
  }
  return concat("NextDiT of ", layers, " layers, width ", dim, ", ", patch_dim, " channels");
}

Json NextDitConfig::to_json() const {
  const auto list = [](const std::vector<int64_t>& values) { return Json(Json::Array(values.begin(), values.end())); };
  return Json::object()
      .set("patch_size", patch_size)
      .set("in_channels", in_channels)
      .set("dim", dim)
      .set("n_layers", layers)
      .set("n_refiner_layers", refiner_layers)
      .set("n_heads", heads)
      .set("n_kv_heads", kv_heads)
      .set("ffn_dim", ffn_dim)
      .set("cap_feat_dim", caption_dim)
      .set("qk_norm", qk_norm)
      .set("norm_eps", norm_eps)
      .set("axes_dims", list(axes_dims))
      .set("axes_lens", list(axes_lens));
}

NextDitConfig NextDitConfig::from_json(const Json& json) {
  const Json* arch = json.find("arch");
  NextDitConfig config = arch ? preset(arch->as_string()) : NextDitConfig();
  config.patch_size = json.get_int("patch_size", config.patch_size);
  config.in_channels = json.get_int("in_channels", config.in_channels);
  config.dim = json.get_int("dim", config.dim);
  config.layers = json.get_int("n_layers", config.layers);
  config.refiner_layers = json.get_int("n_refiner_layers", config.refiner_layers);
  config.heads = json.get_int("n_heads", config.heads);
  config.kv_heads = json.get_int("n_kv_heads", json.find("n_heads") ? config.heads : config.kv_heads);
  config.caption_dim = json.get_int("cap_feat_dim", config.caption_dim);
  config.qk_norm = json.get_bool("qk_norm", config.qk_norm);
  config.norm_eps = json.get_double("norm_eps", config.norm_eps);
  const int64_t multiple_of = json.get_int("multiple_of", 256);
  SVG_CHECK(config.heads > 0 && multiple_of > 0, ErrorCode::kInvalidConfig, "n_heads ", config.heads, ", multiple_of ",
            multiple_of);
  const Json* ffn = json.find("ffn_dim");
  config.ffn_dim = ffn ? ffn->as_int() : feed_forward_dim(config.dim, multiple_of, json.find("ffn_dim_multiplier"));
  const Json* dims = json.find("axes_dims");
  config.axes_dims = dims ? dims->as_int_list() : equal_axes(config.head_dim());
  if (const Json* lens = json.find("axes_lens")) config.axes_lens = lens->as_int_list();
  config.check();
  return config;
}

NextDitConfig NextDitConfig::infer(const Weights& weights, const Json& given) {
  NextDitConfig config;
  const auto embedder = shape_of(weights, "x_embedder.weight", 2);
  config.dim = embedder[0];
  config.patch_size = infer_patch(given, embedder[1]);
  SVG_CHECK(config.patch_size > 0 && embedder[1] % (config.patch_size * config.patch_size) == 0,
            ErrorCode::kWeightsMismatch, "x_embedder takes ", embedder[1], " values, no multiple of patches of ",
            config.patch_size, " x ", config.patch_size);
  config.in_channels = embedder[1] / (config.patch_size * config.patch_size);
  config.layers = count_blocks(weights, "layers");
  config.refiner_layers = count_blocks(weights, "noise_refiner");
  config.caption_dim = shape_of(weights, "cap_embedder.1.weight", 2)[1];
  config.ffn_dim = shape_of(weights, "layers.0.feed_forward.w1.weight", 2)[0];
  config.qk_norm = weights.has("layers.0.attention.q_norm.weight");
  config.norm_eps = given.get_double("norm_eps", config.norm_eps);

  const int64_t qkv = shape_of(weights, "layers.0.attention.qkv.weight", 2)[0];
  const Json* heads = given.find("n_heads");
  if (config.qk_norm) {
    config.heads = config.dim / shape_of(weights, "layers.0.attention.q_norm.weight", 1)[0];
  } else {
    SVG_CHECK(heads, ErrorCode::kInvalidConfig, "weights without q_norm do not tell the number of heads: give n_heads");
    config.heads = heads->as_int();
  }
  SVG_CHECK(config.heads > 0 && config.dim % config.heads == 0, ErrorCode::kWeightsMismatch, "dim ", config.dim,
            " is no multiple of ", config.heads, " heads");
  SVG_CHECK(qkv > config.dim && (qkv - config.dim) % (2 * config.head_dim()) == 0, ErrorCode::kWeightsMismatch,
            "attention.qkv has ", qkv, " rows, which is no ", config.dim, " and two times whole heads of ",
            config.head_dim());
  config.kv_heads = (qkv - config.dim) / (2 * config.head_dim());

  agree(given, "dim", config.dim);
  agree(given, "patch_size", config.patch_size);
  agree(given, "in_channels", config.in_channels);
  agree(given, "n_layers", config.layers);
  agree(given, "n_refiner_layers", config.refiner_layers);
  agree(given, "n_heads", config.heads);
  agree(given, "n_kv_heads", config.kv_heads);
  agree(given, "cap_feat_dim", config.caption_dim);
  const Json* dims = given.find("axes_dims");
  config.axes_dims = dims ? dims->as_int_list() : equal_axes(config.head_dim());
  if (const Json* lens = given.find("axes_lens")) config.axes_lens = lens->as_int_list();
  config.check();
  return config;
}

}  // namespace svg
