// The entry of RAE's decoder in the catalogue. It takes a whole checkpoint: diffusers' has the decoder below "decoder."
// and the statistics beside it; RAE's own file is the decoder alone, with "statistics.mean" and "statistics.var" of
// another file joined to it.
#include "core/error.h"
#include "models/decoders/rae.h"
#include "models/decoders/rae_names.h"
#include "models/decoders/work.h"

namespace svg {
namespace {

bool is_of_diffusers(const Weights& weights) {
  const Weights inside = weights.scope("decoder");
  return RaeDecoderConfig::recognises(inside) && has_diffusers_rae_names(inside);
}

Weights rae_decoder_of(const Weights& weights) { return is_of_diffusers(weights) ? weights.scope("decoder") : weights; }

std::array<double, 3> stored_colours(const Weights& weights, const std::string& name,
                                     const std::array<double, 3>& fallback) {
  if (!weights.has(name)) return fallback;
  const at::Tensor stored = weights.get(name, {1, 3, 1, 1}, Init::zeros(), Role::kBuffer).flatten().to(at::kCPU);
  return {stored[0].item<double>(), stored[1].item<double>(), stored[2].item<double>()};
}

std::unique_ptr<LatentDecoder> build_rae(const Weights& weights, const RaeDecoderConfig& config) {
  const RaeStatistics statistics =
      is_of_diffusers(weights)
          ? RaeStatistics::of_deviation(weights, config.latent_channels)
          : RaeStatistics::of_variance(weights.scope("statistics"), config.latent_channels, config.latent_eps);
  return std::make_unique<RaeDecoder>(rae_decoder_of(weights), config, statistics);
}

DecoderPlan rae_plan(const RaeDecoderConfig& config) {
  DecoderPlan plan;
  plan.kind = "rae";
  plan.description = config.describe();
  plan.grid = {config.latent_channels, config.patch_size};
  plan.plain_features = true;
  plan.own_statistics = true;
  plan.dimensions = Json::object()
                        .set("kind", "rae")
                        .set("hidden_size", config.latent_channels)
                        .set("decoder_hidden_size", config.width)
                        .set("decoder_num_hidden_layers", config.depth)
                        .set("decoder_num_attention_heads", config.num_heads)
                        .set("decoder_intermediate_size", config.mlp_hidden)
                        .set("patch_size", config.patch_size)
                        .set("grid_size", config.grid);
  plan.build = [config](const Weights& weights) { return build_rae(weights, config); };
  plan.buffers = [config] { return rae_decoder_buffers(config); };
  plan.work = [config](const Cells& cells, int64_t element_bytes) {
    return rae_decoder_work(config, cells, element_bytes);
  };
  return plan;
}

std::optional<Recognised> recognise_rae(const Weights& weights) {
  const bool own = RaeDecoderConfig::recognises(weights) && !has_diffusers_rae_names(weights);
  if (!own && !is_of_diffusers(weights)) return std::nullopt;
  const auto embed = rae_decoder_of(weights).shape_of("decoder_embed.weight");
  const int64_t channels = embed->size() == 2 ? embed->at(1) : 0;
  return Recognised{concat(own ? "RAE decoder" : "RAE autoencoder of diffusers", ", ", channels, " channels"),
                    channels};
}

/// What shapes do not tell, as `json` has it; what they do tell must be the same there.
RaeDecoderConfig completed(RaeDecoderConfig found, const Json& json, const std::string& file) {
  if (json.is_null()) return found;
  const RaeDecoderConfig said = RaeDecoderConfig::from_json(json);
  const auto agree = [&](const char* key, int64_t wanted, int64_t read) {
    SVG_CHECK(!json.find(key) || wanted == read, ErrorCode::kWeightsMismatch, file, ": ", key, " is ", read,
              ", the configuration says ", wanted);
  };
  agree("hidden_size", said.latent_channels, found.latent_channels);
  agree("encoder_hidden_size", said.latent_channels, found.latent_channels);
  agree("decoder_hidden_size", said.width, found.width);
  agree("decoder_num_hidden_layers", said.depth, found.depth);
  agree("decoder_intermediate_size", said.mlp_hidden, found.mlp_hidden);
  agree("patch_size", said.patch_size, found.patch_size);
  const auto take = [&](std::initializer_list<const char*> keys, auto RaeDecoderConfig::*value) {
    for (const char* key : keys) {
      if (json.find(key)) found.*value = said.*value;
    }
  };
  take({"decoder_num_attention_heads"}, &RaeDecoderConfig::num_heads);
  take({"layer_norm_eps"}, &RaeDecoderConfig::norm_eps);
  take({"hidden_act"}, &RaeDecoderConfig::activation);
  take({"latent_eps"}, &RaeDecoderConfig::latent_eps);
  take({"scaling_factor"}, &RaeDecoderConfig::scaling_factor);
  take({"image_mean", "encoder_norm_mean"}, &RaeDecoderConfig::image_mean);
  take({"image_std", "encoder_norm_std"}, &RaeDecoderConfig::image_std);
  take({"eps_twice"}, &RaeDecoderConfig::eps_twice);
  take({"positions_of_16"}, &RaeDecoderConfig::positions_of_16);
  return found;
}

/// The grid that the statistics are of; 0 where they are the same for all cells, or not there.
int64_t grid_of_statistics(const Weights& weights) {
  for (const char* name : {"_latents_mean", "_latents_std", "statistics.mean", "statistics.var"}) {
    const auto shape = weights.shape_of(name);
    if (!shape || shape->size() < 3 || shape->back() == 1) continue;
    SVG_CHECK(shape->at(shape->size() - 2) == shape->back(), ErrorCode::kWeightsMismatch, weights.description(), ": \"",
              name, "\" is of ", shape->at(shape->size() - 2), " x ", shape->back(), " cells, which is no square");
    return shape->back();
  }
  return 0;
}

bool says_colours(const Json& json) {
  for (const char* key : {"image_mean", "image_std", "encoder_norm_mean", "encoder_norm_std"}) {
    if (json.find(key)) return true;
  }
  return false;
}

DecoderPlan infer_rae(const Weights& weights, const ConfigReader& beside, const Json& said) {
  RaeDecoderConfig config = RaeDecoderConfig::infer(rae_decoder_of(weights));
  const std::string file = weights.description();
  const bool stored = rae_decoder_of(weights).has("decoder_pos_embed");
  const int64_t grid = grid_of_statistics(weights);
  SVG_CHECK(!stored || grid == 0 || grid == config.grid, ErrorCode::kWeightsMismatch, file, " was trained on ",
            config.grid, "x", config.grid, " cells, its statistics are of ", grid, "x", grid);
  if (grid > 0) config.grid = grid;
  const Json written = beside ? beside() : Json();
  const bool is_its_own = written.is_object() && (written.find("decoder_hidden_size") || written.find("_class_name"));
  if (is_its_own) {
    config = completed(config, written, file);
    if (!stored && grid == 0) config.grid = RaeDecoderConfig::from_json(written).grid;
  }
  config = completed(config, said, file);
  config.image_mean = stored_colours(weights, "encoder_mean", config.image_mean);
  config.image_std = stored_colours(weights, "encoder_std", config.image_std);
  config.check();
  DecoderPlan plan = rae_plan(config);
  // One pair for both: pictures go in normalised by it, and come out so.
  if (weights.has("encoder_mean") || (is_its_own && says_colours(written)) || says_colours(said)) {
    plan.colours = PictureColours{config.image_mean, config.image_std};
  }
  return plan;
}

}  // namespace

DecoderKind rae_kind() {
  DecoderKind kind;
  kind.name = "rae";
  kind.title = "decoder of a representation autoencoder (RAE)";
  kind.recognise = recognise_rae;
  kind.from_json = [](const Json& json) { return rae_plan(RaeDecoderConfig::from_json(json)); };
  kind.infer = infer_rae;
  return kind;
}

}  // namespace svg
