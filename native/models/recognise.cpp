#include "models/recognise.h"

#include "core/error.h"
#include "models/autoencoder.h"
#include "models/catalogue.h"
#include "models/inception/inception.h"

namespace svg {
namespace {

template <typename Kind>
std::optional<RecognisedModel> recognised_as(const Kind* kind, const Weights& weights) {
  if (!kind) return std::nullopt;
  return RecognisedModel{kind->name, kind->recognise(weights)->description};
}

std::optional<RecognisedModel> recognised_language_model(const Weights& given) {
  for (const char* prefix : {"model.", ""}) {
    const Weights weights = *prefix ? given.scope("model") : given;
    const auto table = weights.shape_of("embed_tokens.weight");
    if (!table || !weights.has("layers.0.self_attn.q_proj.weight")) continue;
    int64_t layers = 0;
    while (weights.has(concat("layers.", layers, ".self_attn.q_proj.weight"))) ++layers;
    return RecognisedModel{
        "unknown", concat("Language model of ", layers, " layers, width ", table->size() > 1 ? table->at(1) : 0)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<RecognisedModel> recognise_model(const Weights& weights) {
  if (auto found = recognised_as(recognise_velocity_model(weights), weights)) return found;
  if (auto found = Autoencoder::recognise(weights)) return RecognisedModel{"autoencoder", *found};
  if (auto found = recognised_as(recognise_encoder(weights), weights)) return found;
  if (auto found = recognised_as(recognise_decoder(weights), weights)) return found;
  if (auto found = recognised_as(recognise_conditioner(weights), weights)) return found;
  if (auto found = recognised_language_model(weights)) return found;
  if (auto found = Inception::recognise(weights)) return RecognisedModel{"inception", *found};
  if (weights.has("lin0.model.1.weight")) return RecognisedModel{"lpips", "LPIPS perceptual metric"};
  return std::nullopt;
}

}  // namespace svg
