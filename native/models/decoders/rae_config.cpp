// Where a RAE decoder's dimensions come from: configurations of two projects, or the weights.

#include "core/error.h"
#include "models/decoders/rae.h"
#include "models/decoders/rae_names.h"
#include "models/vit/positions.h"

namespace svg {
namespace {

constexpr int64_t kPublishedHeadDim = 64;
constexpr int64_t kXlWidth = 1152, kXlHeads = 16;

std::array<double, 3> colours(const Json& json, const char* key, const std::array<double, 3>& fallback) {
  const Json* list = json.find(key);
  if (!list) return fallback;
  SVG_CHECK(list->as_array().size() == 3, ErrorCode::kInvalidConfig, "[rae_decoder] ", key, " must be 3 numbers");
  return {list->as_array()[0].as_double(), list->as_array()[1].as_double(), list->as_array()[2].as_double()};
}

at::Tensor cell_statistic(const Weights& weights, const std::string& name, int64_t channels) {
  const auto shape = weights.shape_of(name);
  if (!shape) return {};
  const at::Tensor found = weights.get(name, *shape, Init::zeros(), Role::kBuffer).to(at::kFloat);
  const at::Tensor map = found.dim() == 4 && found.size(0) == 1 ? found.squeeze(0)
                         : found.dim() <= 1                     ? found.view({-1, 1, 1})
                                                                : found;
  // diffusers writes one number where it was given no statistics.
  SVG_CHECK(map.dim() == 3 && (map.size(0) == channels || map.numel() == 1), ErrorCode::kWeightsMismatch,
            weights.description(), ": \"", name, "\" has shape ", found.sizes(), " where statistics of ", channels,
            " channels (channels, rows, columns) are wanted");
  return map;
}

}  // namespace

std::string RaeDecoderConfig::describe() const {
  return concat("rae ", width, "x", depth, ", ", num_heads, " heads, ", latent_channels, " latent channels, cells of ",
                patch_size, " px, trained on ", grid, "x", grid);
}

void RaeDecoderConfig::check() const {
  SVG_CHECK(
      latent_channels > 0 && width > 0 && depth >= 0 && num_heads > 0 && mlp_hidden > 0 && patch_size > 0 && grid > 0,
      ErrorCode::kInvalidConfig, "[rae_decoder] ", describe(), ": no such network");
  SVG_CHECK(width % num_heads == 0, ErrorCode::kInvalidConfig, "[rae_decoder] ", width, " channels over ", num_heads,
            " heads");
  SVG_CHECK(norm_eps > 0 && latent_eps >= 0, ErrorCode::kInvalidConfig,
            "[rae_decoder] layer_norm_eps must be positive, latent_eps not negative");
  SVG_CHECK(scaling_factor > 0, ErrorCode::kInvalidConfig, "[rae_decoder] scaling_factor is ", scaling_factor,
            ", must be positive");
}

RaeDecoderConfig RaeDecoderConfig::from_json(const Json& json) {
  RaeDecoderConfig config;
  config.latent_channels = json.get_int("hidden_size", json.get_int("encoder_hidden_size", config.latent_channels));
  config.width = json.get_int("decoder_hidden_size", config.width);
  config.depth = json.get_int("decoder_num_hidden_layers", config.depth);
  config.num_heads = json.get_int("decoder_num_attention_heads", config.num_heads);
  config.mlp_hidden = json.get_int("decoder_intermediate_size", config.mlp_hidden);
  config.patch_size = json.get_int("patch_size", config.patch_size);
  config.norm_eps = json.get_double("layer_norm_eps", config.norm_eps);
  config.activation = json.get_string("hidden_act", config.activation);
  config.latent_eps = json.get_double("latent_eps", config.latent_eps);
  config.scaling_factor = json.get_double("scaling_factor", config.scaling_factor);
  config.image_mean = colours(json, "encoder_norm_mean", colours(json, "image_mean", config.image_mean));
  config.image_std = colours(json, "encoder_norm_std", colours(json, "image_std", config.image_std));
  config.eps_twice = json.get_bool("eps_twice", false);
  config.positions_of_16 = json.get_bool("positions_of_16", false);
  const int64_t channels = json.get_int("num_channels", 3);
  SVG_CHECK(channels == 3, ErrorCode::kInvalidConfig, "[rae_decoder] num_channels is ", channels, ", pictures have 3");
  const int64_t side = json.get_int("encoder_input_size", 0), patch = json.get_int("encoder_patch_size", 0);
  if (side > 0 && patch > 0) {
    SVG_CHECK(side % patch == 0, ErrorCode::kInvalidConfig, "[rae_decoder] encoder_input_size ", side,
              " is no multiple of encoder_patch_size ", patch);
    config.grid = side / patch;
  }
  config.grid = json.get_int("grid_size", config.grid);
  config.check();
  return config;
}

bool RaeDecoderConfig::recognises(const Weights& weights) {
  return weights.has("decoder_embed.weight") && weights.has("decoder_pred.weight") &&
         weights.has("trainable_cls_token");
}

RaeDecoderConfig RaeDecoderConfig::infer(const Weights& given) {
  SVG_CHECK(recognises(given), ErrorCode::kWeightsMismatch, given.description(),
            " holds no decoder of a representation autoencoder: \"decoder_embed.weight\", \"decoder_pred.weight\" or "
            "\"trainable_cls_token\" is missing");
  const Weights weights = with_rae_decoder_names(given);
  const auto side = [&](const std::string& name, size_t which) {
    const auto shape = weights.shape_of(name);
    SVG_CHECK(shape && shape->size() == 2, ErrorCode::kWeightsMismatch, "[rae_decoder] no matrix \"", name, "\"");
    return shape->at(which);
  };
  const auto layer = [](int64_t index) { return concat("decoder_layers.", index, ".intermediate.dense.weight"); };
  RaeDecoderConfig config;
  config.width = side("decoder_embed.weight", 0);
  config.latent_channels = side("decoder_embed.weight", 1);
  config.depth = 0;
  while (weights.has(layer(config.depth))) ++config.depth;
  SVG_CHECK(config.depth > 0, ErrorCode::kWeightsMismatch, "[rae_decoder] no tensor \"", layer(0), "\"");
  config.mlp_hidden = side(layer(0), 0);
  const int64_t pixels = side("decoder_pred.weight", 0);
  config.patch_size = pixels % 3 == 0 ? side_of_square(pixels / 3) : 0;
  SVG_CHECK(config.patch_size > 0, ErrorCode::kWeightsMismatch, "[rae_decoder] \"decoder_pred.weight\" gives ", pixels,
            " numbers a cell, which is no square of pixels in three colours");
  config.num_heads = config.width == kXlWidth ? kXlHeads : std::max<int64_t>(1, config.width / kPublishedHeadDim);
  if (const auto table = weights.shape_of("decoder_pos_embed"); table && table->size() == 3) {
    config.grid = side_of_square(table->at(1) - 1);
    SVG_CHECK(config.grid > 0, ErrorCode::kWeightsMismatch, "[rae_decoder] \"decoder_pos_embed\" has ", table->at(1),
              " positions, which is no square and a class token");
  }
  config.check();
  return config;
}

RaeStatistics RaeStatistics::of_variance(const Weights& weights, int64_t channels, double eps) {
  const at::Tensor variance = cell_statistic(weights, "var", channels);
  return {cell_statistic(weights, "mean", channels), variance.defined() ? (variance + eps).sqrt() : at::Tensor()};
}

RaeStatistics RaeStatistics::of_deviation(const Weights& weights, int64_t channels) {
  return {cell_statistic(weights, "_latents_mean", channels), cell_statistic(weights, "_latents_std", channels)};
}

}  // namespace svg
