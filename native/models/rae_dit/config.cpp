// Where the dimensions of RAE's transformer come from: RAE's yaml, or the weights.

#include "core/error.h"
#include "models/label_table.h"
#include "models/rae_dit/rae_dit.h"
#include "models/vit/positions.h"

namespace svg {
namespace {

constexpr int64_t kRaeHeadDepth = 2;  // of every published model
constexpr int64_t kRaeUsualGrid = 16;

struct RaeDitSize {
  const char* preset;
  RaeDitPart deep;
};

/// All with a head of 2048x2. Source: bytetriper/RAE, configs/stage2.
constexpr RaeDitSize kRaeDitSizes[] = {
    {"ditdh_s", {384, 12, 6, 1024}},
    {"ditdh_b", {768, 12, 12, 2048}},
    {"ditdh_l", {1024, 24, 16, 2730}},
    {"ditdh_xl", {1152, 28, 16, 3072}},
};

RaeDitPart rae_dit_size(const std::string& arch) {
  std::string known;
  for (const RaeDitSize& size : kRaeDitSizes) {
    const std::string name = concat("rae_", size.preset);
    if (arch == name) return size.deep;
    known += (known.empty() ? "" : ", ") + name;
  }
  throw Error(ErrorCode::kInvalidConfig, "[rae_dit] no architecture \"" + arch + "\"", "known: " + known);
}

/// A number, or a list of two: of the deep part and of the head.
std::pair<int64_t, int64_t> two_of(const Json& json, const char* key, std::pair<int64_t, int64_t> fallback) {
  const Json* value = json.find(key);
  if (!value) return fallback;
  if (!value->is_array()) return {value->as_int(), value->as_int()};
  const std::vector<int64_t> list = value->as_int_list();
  SVG_CHECK(list.size() == 2, ErrorCode::kInvalidConfig, "[rae_dit] ", key, " must be a number or a list of two");
  return {list[0], list[1]};
}

int64_t rae_mlp_hidden(int64_t width, double ratio, bool gated) {
  const auto plain = static_cast<int64_t>(static_cast<double>(width) * ratio);
  return gated ? static_cast<int64_t>(2.0 / 3 * static_cast<double>(plain)) : plain;
}

int64_t published_rae_heads(int64_t width) {
  return width == 1152 || width == 2048 ? 16 : std::max<int64_t>(1, width / 64);
}

void check_rae_part(const RaeDitPart& part, const char* name, bool rotary) {
  SVG_CHECK(part.width > 0 && part.depth >= 0 && part.num_heads > 0 && part.mlp_hidden > 0, ErrorCode::kInvalidConfig,
            "[rae_dit] no such network: ", part.width, " channels, ", part.depth, " blocks, ", part.num_heads,
            " heads in the ", name);
  SVG_CHECK(part.width % part.num_heads == 0 && (!rotary || part.head_dim() % 4 == 0), ErrorCode::kInvalidConfig,
            "[rae_dit] ", part.width, " channels over ", part.num_heads, " heads in the ", name,
            rotary ? ": rotary positions of two sides take heads of a multiple of 4" : "");
}

}  // namespace

std::vector<std::string> RaeDitConfig::preset_names() {
  std::vector<std::string> names;
  for (const RaeDitSize& size : kRaeDitSizes) names.push_back(concat("rae_", size.preset));
  return names;
}

std::string RaeDitConfig::title() const {
  for (const RaeDitSize& size : kRaeDitSizes) {
    if (size.deep.width == deep.width && size.deep.depth == deep.depth && head.width == 2048 && head.depth == 2) {
      return concat("RAE ", size.preset, ", ", channels, " channels, ", classes, " classes");
    }
  }
  return describe();
}

std::string RaeDitConfig::describe() const {
  return concat("rae-dit ", deep.width, "x", deep.depth, " + ", head.width, "x", head.depth, ", ", channels,
                " channels, ", grid, "x", grid, " cells, ", classes, " classes");
}

void RaeDitConfig::check() const {
  SVG_CHECK(channels > 0 && grid > 0 && classes > 0, ErrorCode::kInvalidConfig, "[rae_dit] ", describe(),
            ": no such network");
  check_rae_part(deep, "deep part", rotary);
  check_rae_part(head, "head", rotary);
}

int64_t RaeDitConfig::parameter_count() const {
  constexpr int64_t kFrequencies = 256;
  const auto linear = [](int64_t in, int64_t out) { return (in + 1) * out; };
  const int64_t D = deep.width, E = head.width;
  const auto block = [&](const RaeDitPart& part) {
    const int64_t W = part.width;
    const int64_t mlp = swiglu ? linear(W, 2 * part.mlp_hidden) : linear(W, part.mlp_hidden);
    const int64_t norms = (rms_norm ? 2 * W : 0) + (qk_norm ? (rms_norm ? 2 : 4) * part.head_dim() : 0);
    return linear(W, 3 * W) + linear(W, W) + mlp + linear(part.mlp_hidden, W) + linear(W, (shift ? 6 : 4) * W) + norms;
  };
  return linear(channels, E) + linear(channels, D) + (D == E ? 0 : linear(D, E)) + linear(2 * kFrequencies, D) +
         linear(D, D) + (classes + (null_class ? 1 : 0)) * D + deep.depth * block(deep) + head.depth * block(head) +
         linear(E, 2 * E) + linear(E, channels) + (rms_norm ? E : 0);
}

RaeDitConfig RaeDitConfig::from_json(const Json& json) {
  const RaeDitConfig config = unchecked(json);
  config.check();
  return config;
}

RaeDitConfig RaeDitConfig::unchecked(const Json& json) {
  RaeDitConfig config;
  config.channels = json.get_int("in_channels", config.channels);
  config.grid = json.get_int("input_size", config.grid);
  config.classes = json.get_int("num_classes", config.classes);
  config.null_class = json.get_double("class_dropout_prob", 0.1) > 0;
  config.qk_norm = json.get_bool("use_qknorm", config.qk_norm);
  config.swiglu = json.get_bool("use_swiglu", config.swiglu);
  config.rotary = json.get_bool("use_rope", config.rotary);
  config.rms_norm = json.get_bool("use_rmsnorm", config.rms_norm);
  config.shift = !json.get_bool("wo_shift", !config.shift);
  config.positions = json.get_bool("use_pos_embed", config.positions);
  const auto patches = two_of(json, "patch_size", {1, 1});
  SVG_CHECK(patches.first == 1 && patches.second == 1, ErrorCode::kInvalidConfig, "[rae_dit] patch_size is ",
            patches.first, " and ", patches.second, ": a cell is one token in every published model; only 1 is known");
  const auto widths = two_of(json, "hidden_size", {config.deep.width, config.head.width});
  const auto depths = two_of(json, "depth", {config.deep.depth, config.head.depth});
  const auto heads = two_of(json, "num_heads", {config.deep.num_heads, config.head.num_heads});
  const double ratio = json.get_double("mlp_ratio", 4);
  config.deep = {widths.first, depths.first, heads.first, rae_mlp_hidden(widths.first, ratio, config.swiglu)};
  config.head = {widths.second, depths.second, heads.second, rae_mlp_hidden(widths.second, ratio, config.swiglu)};
  if (const Json* arch = json.find("arch")) config.deep = rae_dit_size(arch->as_string());
  return config;
}

Json RaeDitConfig::to_json() const {
  const auto both = [](int64_t of_deep, int64_t of_head) {
    Json list = Json::array();
    list.push_back(of_deep);
    list.push_back(of_head);
    return list;
  };
  return Json::object()
      .set("kind", "rae-dit")
      .set("in_channels", channels)
      .set("input_size", grid)
      .set("num_classes", classes)
      .set("class_dropout_prob", null_class ? 0.1 : 0.0)
      .set("hidden_size", both(deep.width, head.width))
      .set("depth", both(deep.depth, head.depth))
      .set("num_heads", both(deep.num_heads, head.num_heads))
      .set("use_qknorm", qk_norm)
      .set("use_swiglu", swiglu)
      .set("use_rope", rotary)
      .set("use_rmsnorm", rms_norm)
      .set("wo_shift", !shift)
      .set("use_pos_embed", positions);
}

bool RaeDitConfig::recognises(const Weights& weights) {
  return weights.has("s_embedder.proj.weight") && weights.has("x_embedder.proj.weight") &&
         weights.has("t_embedder.W") && weights.has(kLabelTable) && weights.has("blocks.0.attn.qkv.weight");
}

RaeDitConfig RaeDitConfig::infer(const Weights& weights, const Json& said) {
  SVG_CHECK(recognises(weights), ErrorCode::kWeightsMismatch, weights.description(),
            " holds no transformer of RAE: \"s_embedder.proj.weight\", \"x_embedder.proj.weight\", \"t_embedder.W\", "
            "\"y_embedder.embedding_table.weight\" or \"blocks.0.attn.qkv.weight\" is missing");
  // It may be a part of a configuration, which would not hold together with the usual rest: the result is checked.
  const std::optional<RaeDitConfig> wanted = said.is_object() ? std::optional(unchecked(said)) : std::nullopt;
  const bool says_depth = said.find("depth") || said.find("arch"), says_heads = said.find("num_heads") != nullptr;
  const auto side = [&](const std::string& name, size_t which) {
    const auto shape = weights.shape_of(name);
    SVG_CHECK(shape && shape->size() > which, ErrorCode::kWeightsMismatch, "[rae_dit] no tensor \"", name, "\"");
    return shape->at(which);
  };
  const auto block = [](int64_t index, const char* name) { return concat("blocks.", index, ".", name); };
  RaeDitConfig config;
  config.channels = side("s_embedder.proj.weight", 1);
  for (const char* name : {"s_embedder.proj.weight", "x_embedder.proj.weight"}) {
    SVG_CHECK(side(name, 2) == 1 && side(name, 3) == 1 && side(name, 1) == config.channels, ErrorCode::kWeightsMismatch,
              "[rae_dit] \"", name, "\" takes patches of ", side(name, 2), "x", side(name, 3), " cells and ",
              side(name, 1), " channels; one cell of ", config.channels, " is a token in every published model");
  }
  config.deep.width = side("s_embedder.proj.weight", 0);
  config.head.width = side("x_embedder.proj.weight", 0);
  config.swiglu = weights.has(block(0, "mlp.w12.weight"));
  config.rms_norm = weights.has(block(0, "norm1.weight"));
  config.qk_norm = weights.has(block(0, "attn.q_norm.weight"));
  config.shift = side(block(0, "adaLN_modulation.1.weight"), 0) != 4 * config.deep.width;
  config.positions = weights.has("pos_embed");
  int64_t blocks = 0, deep = 0;
  while (weights.has(block(blocks, "attn.proj.weight"))) {
    if (side(block(blocks, "attn.proj.weight"), 0) == config.deep.width) deep = blocks + 1;
    ++blocks;
  }
  if (config.deep.width == config.head.width) {  // then no shape tells where the head begins
    const int64_t head = wanted && says_depth ? wanted->head.depth : kRaeHeadDepth;
    deep = std::max<int64_t>(blocks - head, 0);
  }
  config.deep.depth = deep;
  config.head.depth = blocks - deep;
  const char* hidden = config.swiglu ? "mlp.w3.weight" : "mlp.fc2.weight";
  config.deep.mlp_hidden = side(block(0, hidden), 1);
  config.head.mlp_hidden = side(block(blocks - 1, hidden), 1);
  const auto heads = [&](const std::string& name, int64_t member, RaeDitPart RaeDitConfig::*which) {
    const RaeDitPart& part = config.*which;
    const auto rotation = weights.shape_of(name + ".freqs_cos");
    const auto norm = weights.shape_of(block(member, "attn.q_norm.weight"));
    const int64_t dim = rotation && rotation->size() == 2 ? rotation->at(1)
                        : norm && norm->size() == 1       ? norm->at(0)
                                                          : 0;
    if (dim > 0) return part.width / dim;
    return wanted && says_heads ? ((*wanted).*which).num_heads : published_rae_heads(part.width);
  };
  config.deep.num_heads = heads("enc_feat_rope", 0, &RaeDitConfig::deep);
  config.head.num_heads = heads("dec_feat_rope", blocks - 1, &RaeDitConfig::head);
  const auto rotation = weights.shape_of("enc_feat_rope.freqs_cos");
  const int64_t cells = config.positions ? side("pos_embed", 1) : rotation ? rotation->at(0) : 0;
  config.grid = cells > 0 ? side_of_square(cells) : wanted && said.find("input_size") ? wanted->grid : kRaeUsualGrid;
  SVG_CHECK(config.grid > 0, ErrorCode::kWeightsMismatch, "[rae_dit] trained on ", cells, " cells, which is no square");
  // They are computed again, so that a file need not have them.
  config.rotary = wanted && said.find("use_rope") ? wanted->rotary : rotation.has_value();
  const LabelTable labels = label_table(weights, said);
  config.classes = labels.classes;
  config.null_class = labels.none;
  config.check();
  if (wanted) config.agree_with(*wanted, said, weights.description());
  return config;
}

void RaeDitConfig::agree_with(const RaeDitConfig& wanted, const Json& said, const std::string& file) const {
  const Json got = to_json(), want = wanted.to_json();
  for (const auto& [key, value] : want.as_object()) {
    const bool is_said = said.find(key) || (said.find("arch") && (key == "hidden_size" || key == "depth"));
    SVG_CHECK(!is_said || got.at(key).dump() == value.dump(), ErrorCode::kWeightsMismatch, file, ": the weights have ",
              key, " ", got.at(key).dump(), ", the configuration says ", value.dump());
  }
  const Json* ratio = said.find("mlp_ratio");
  if (!ratio) return;
  const auto hidden = [&](const RaeDitPart& part) { return rae_mlp_hidden(part.width, ratio->as_double(), swiglu); };
  SVG_CHECK(deep.mlp_hidden == hidden(deep) && head.mlp_hidden == hidden(head), ErrorCode::kWeightsMismatch, file,
            ": the feed-forward layers are ", deep.mlp_hidden, " and ", head.mlp_hidden,
            " wide, the configuration's mlp_ratio says ", hidden(deep), " and ", hidden(head));
}

}  // namespace svg
