// DINOv3's entry in the catalogue.
#include "core/error.h"
#include "models/encoders/dinov3.h"
#include "models/encoders/dinov3_names.h"

namespace svg {
namespace {

using Ffn = Dinov3Config::Ffn;

struct Dinov3Size {
  const char* preset;
  int64_t dim, depth;
  Ffn ffn;
};

constexpr Dinov3Size kDinov3Sizes[] = {
    {"vits16", 384, 12, Ffn::kMlp},      {"vits16plus", 384, 12, Ffn::kSwiglu},  {"vitb16", 768, 12, Ffn::kMlp},
    {"vitl16", 1024, 24, Ffn::kMlp},     {"vitl16plus", 1024, 24, Ffn::kSwiglu}, {"vith16plus", 1280, 32, Ffn::kSwiglu},
    {"vit7b16", 4096, 40, Ffn::kSwiglu},
};

std::string dinov3_description(int64_t dim, int64_t depth, Ffn ffn) {
  for (const Dinov3Size& size : kDinov3Sizes) {
    if (size.dim == dim && size.depth == depth && size.ffn == ffn) return concat("DINOv3 ", size.preset);
  }
  return concat("DINOv3 ViT of ", depth, " blocks, width ", dim);
}

/// Neither learned positions (DINOv2, MAE) nor learned frequencies (the residual branch).
bool holds_dinov3(const Weights& weights) {
  if (weights.has("embeddings.patch_embeddings.weight")) {
    return weights.has(hugging_face_dinov3_layers(weights) + ".0.norm1.weight");
  }
  return weights.has("patch_embed.proj.weight") && weights.has("blocks.0.norm1.weight") && !weights.has("pos_embed") &&
         !weights.has("freqs");
}

std::optional<Recognised> recognise_dinov3(const Weights& given) {
  if (!holds_dinov3(given)) return std::nullopt;
  const Weights weights = with_published_dinov3_names(given);
  const auto patch = weights.shape_of("patch_embed.proj.weight");
  int64_t depth = 0;
  while (weights.has(concat("blocks.", depth, ".norm1.weight"))) ++depth;
  const Ffn ffn = weights.has("blocks.0.mlp.w1.weight") ? Ffn::kSwiglu : Ffn::kMlp;
  const int64_t dim = patch->empty() ? 0 : patch->front();
  return Recognised{dinov3_description(dim, depth, ffn), dim};
}

EncoderPlan dinov3_plan(const Dinov3Config& config) {
  EncoderPlan plan;
  plan.kind = "dinov3";
  plan.description = dinov3_description(config.embed_dim, config.depth, config.ffn);
  plan.channels = config.embed_dim;
  plan.dimensions = Json::object()
                        .set("embed_dim", config.embed_dim)
                        .set("depth", config.depth)
                        .set("num_heads", config.num_heads)
                        .set("patch_size", config.patch_size)
                        .set("ffn_layer", config.ffn == Ffn::kMlp ? "mlp" : "swiglu")
                        .set("ffn_hidden", config.ffn_hidden)
                        .set("n_storage_tokens", config.storage_tokens);
  plan.build = [config](const Weights& weights) { return std::make_unique<Dinov3>(weights, config); };
  // Files of Hugging Face lack the periods, and with them the number of heads.
  plan.buffers = [config] { return dinov3_buffers(config); };
  return plan;
}

/// Under Hugging Face's names the files say more of the encoder than a run's configuration can.
Dinov3Config settled(const Dinov3Config& said, const Dinov3Config& found, const std::string& file) {
  const auto agree = [&](const char* what, int64_t wanted, int64_t read) {
    SVG_CHECK(wanted == read, ErrorCode::kWeightsMismatch, file, ": the encoder's ", what, " is ", read,
              ", model.encoder says ", wanted);
  };
  agree("embed_dim", said.embed_dim, found.embed_dim);
  agree("depth", said.depth, found.depth);
  agree("patch_size", said.patch_size, found.patch_size);
  agree("n_storage_tokens", said.storage_tokens, found.storage_tokens);
  agree("feed-forward width", said.ffn_hidden, found.ffn_hidden);
  agree("number of heads", said.num_heads, found.num_heads);
  SVG_CHECK(said.ffn == found.ffn, ErrorCode::kWeightsMismatch, file, ": the encoder's feed-forward is ",
            found.ffn == Ffn::kMlp ? "an MLP" : "gated (SwiGLU)", ", model.encoder says otherwise");
  // The checkpoint that training writes holds the encoder under published names.
  SVG_CHECK(
      found.told_by_weights(), ErrorCode::kInvalidConfig, file,
      ": an encoder with another activation, eps or key bias than the published ones cannot be trained with, since "
      "checkpoints do not say so");
  return found;
}

EncoderPlan infer_dinov3(const Weights& weights, const ConfigReader& beside, const Json& said) {
  refuse_timm_dinov3_names(weights);
  const bool hugging_face = has_hugging_face_dinov3_names(weights);
  if (!said.is_null() && !hugging_face) return dinov3_plan(Dinov3Config::from_json(said));
  const Dinov3Config found = Dinov3Config::infer(weights, hugging_face && beside ? beside() : Json());
  if (said.is_null()) return dinov3_plan(found);
  return dinov3_plan(settled(Dinov3Config::from_json(said), found, weights.description()));
}

}  // namespace

EncoderKind dinov3_kind() {
  EncoderKind kind;
  kind.name = "dinov3";
  kind.title = "DINOv3 ViT";
  for (const Dinov3Size& size : kDinov3Sizes) kind.presets.push_back(concat("dinov3_", size.preset));
  kind.files = "^dinov3(?!.*(stats|head)).*vit";
  kind.yaml_key = "dinoconfig";
  kind.recognise = recognise_dinov3;
  kind.from_json = [](const Json& json) { return dinov3_plan(Dinov3Config::from_json(json)); };
  kind.infer = infer_dinov3;
  kind.own_names = with_published_dinov3_names;
  kind.comparable = comparable_dinov3;
  kind.is_spare = Dinov3::is_spare;
  return kind;
}

}  // namespace svg
