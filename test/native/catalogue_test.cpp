// The tables of kinds: every entry knows its own weights, and those alone.
#include "models/catalogue.h"

#include "check.h"
#include "models/autoencoder.h"
#include "models/recognise.h"
#include "shapes_only.h"

using namespace svg;
using svg::test::ShapesOnly;

namespace {

const Weights& as_they_are(const Weights& weights) { return weights; }

/// What a file of this model holds, below `prefix`; `own_names` is the entry's.
template <typename Plan>
std::shared_ptr<ShapesOnly> file_of(const Plan& plan, const std::string& prefix = "",
                                    const std::function<Weights(const Weights&)>& own_names = as_they_are) {
  const auto asked = std::make_shared<ShapesOnly>();
  plan.build(own_names(Weights(asked)));
  for (const auto& [name, tensor] : plan.fixed_tensors()) asked->shapes[name] = tensor.sizes().vec();
  const auto file = std::make_shared<ShapesOnly>();
  for (const auto& [name, shape] : asked->shapes) file->shapes[prefix + name] = shape;
  return file;
}

/// Of each preset, or the usual dimensions where nothing is published.
template <typename Kind>
auto plans_of(const Kind& kind) {
  std::vector<decltype(kind.from_json(Json()))> plans;
  for (const std::string& preset : kind.presets) plans.push_back(kind.from_json(Json::object().set("arch", preset)));
  if (plans.empty()) plans.push_back(kind.from_json(Json::object()));
  return plans;
}

template <typename Kind>
bool is_taken(const std::vector<Kind>& kinds, const Weights& weights) {
  return std::any_of(kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.recognise(weights).has_value(); });
}

/// Each preset's weights are recognised by their own entry alone, and tell the preset's dimensions.
template <typename Kind>
void expect_told_apart(const std::vector<Kind>& kinds) {
  for (const Kind& kind : kinds) {
    for (const auto& plan : plans_of(kind)) {
      EXPECT(plan.kind == kind.name);
      const Weights weights(file_of(plan));
      for (const Kind& other : kinds) {
        if (other.recognise(weights).has_value() == (other.name == kind.name)) continue;
        throw test::Failure{concat(other.name, " on the weights of ", plan.description)};
      }
      const auto found = kind.infer(weights, {}, Json());
      if (found.dimensions.dump() != plan.dimensions.dump()) {
        throw test::Failure{concat(plan.description, ": ", plan.dimensions.dump(), " != ", found.dimensions.dump())};
      }
      EXPECT(found.description == plan.description);
    }
  }
}

}  // namespace

TEST_CASE("catalogue: weights of every encoder's presets are told apart, and tell their dimensions") {
  expect_told_apart(encoder_kinds());
  for (const EncoderKind& kind : encoder_kinds()) {
    for (const EncoderPlan& plan : plans_of(kind)) {
      const Weights weights(file_of(plan));
      EXPECT(kind.recognise(weights)->channels == plan.channels);
      EXPECT(!is_taken(decoder_kinds(), weights));
      EXPECT(recognise_model(weights)->kind == kind.name);
      EXPECT(recognise_model(weights)->description == plan.description);
    }
  }
}

TEST_CASE("catalogue: weights of every residual branch are told apart, and tell their dimensions") {
  for (const ResidualKind& kind : residual_kinds()) {
    const ResidualPlan plan = kind.from_json(Json::object());
    const Weights weights(file_of(plan, "", [&](const Weights& asked) { return kind.under_own_names(asked); }));
    for (const ResidualKind& other : residual_kinds()) {
      EXPECT(other.recognise(weights).has_value() == (other.name == kind.name));
    }
    EXPECT(kind.recognise(weights)->channels == plan.channels);
    EXPECT(kind.infer(weights, {}, Json()).dimensions.dump() == plan.dimensions.dump());
    EXPECT(!is_taken(decoder_kinds(), weights) && !is_taken(velocity_kinds(), weights));
  }
  EXPECT(residual_plan(Json::object()).kind == "rope");
  EXPECT(residual_plan(Json::object().set("arch", "vit-rope-s")).kind == "rope");
  EXPECT_ERROR(residual_plan(Json::object().set("kind", "unet")), ErrorCode::kInvalidConfig, "unet");
}

TEST_CASE("catalogue: weights of every decoder are told apart, alone and in an autoencoder") {
  expect_told_apart(decoder_kinds());
  for (const DecoderKind& kind : decoder_kinds()) {
    for (const DecoderPlan& plan : plans_of(kind)) {
      const Weights weights(file_of(plan)), whole(file_of(plan, "decoder."));
      EXPECT(kind.recognise(weights)->channels == plan.grid.channels);
      EXPECT(!is_taken(encoder_kinds(), weights));
      EXPECT(recognise_model(weights)->kind == kind.name);
      EXPECT(recognise_model(whole)->kind == "autoencoder");
    }
  }
}

TEST_CASE("catalogue: weights of every diffusion transformer's presets are told apart, and tell their dimensions") {
  expect_told_apart(velocity_kinds());
  for (const VelocityKind& kind : velocity_kinds()) {
    for (const VelocityPlan& plan : plans_of(kind)) {
      const Weights weights(file_of(plan));
      EXPECT(kind.recognise(weights)->channels == plan.channels);
      EXPECT(!is_taken(encoder_kinds(), weights) && !is_taken(decoder_kinds(), weights));
      EXPECT(!is_taken(conditioner_kinds(), weights));
      EXPECT(recognise_model(weights)->kind == kind.name);
      EXPECT(recognise_model(weights)->description == plan.description);
      const auto model = plan.build(weights);
      EXPECT(model->channels() == plan.channels && model->condition() == plan.condition);
    }
  }
  EXPECT(velocity_kind_of(Json::object()).name == "next-dit");
  EXPECT(velocity_kind_of(Json::object().set("kind", "next_dit")).name == "next-dit");
  EXPECT_ERROR(velocity_kind_of(Json::object().set("kind", "unet")), ErrorCode::kInvalidConfig, "unet");
}

TEST_CASE("catalogue: a text encoder is told from other weights, and needs its config.json") {
  const Json config = Json::parse(R"({"model_type": "gemma2", "vocab_size": 64, "hidden_size": 16,
    "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
    "head_dim": 8, "sliding_window": 4, "query_pre_attn_scalar": 8, "eos_token_id": 1, "pad_token_id": 0})");
  const ConditionerKind& kind = conditioner_kinds().front();
  const Weights weights(file_of(kind.from_json(config), "model."));
  EXPECT(kind.recognise(weights)->channels == 16 && recognise_conditioner(weights) == &kind);
  EXPECT(!is_taken(encoder_kinds(), weights) && !is_taken(velocity_kinds(), weights));
  EXPECT(recognise_model(weights)->kind == "gemma-2");
  const ConditionerPlan plan = kind.infer(
      weights, [&] { return config; }, Json::object());
  // The model leaves its last layer unread until it writes, so these weights have one layer fewer.
  EXPECT(plan.condition.width == 16 && plan.description == "Gemma-2 of 2 layers, width 16");
  EXPECT_ERROR(kind.infer(
                   weights, [] { return Json(); }, Json::object()),
               ErrorCode::kFileNotFound, "config.json");
}

TEST_CASE("catalogue: names are unique however they are spelt, and presets belong to one entry") {
  std::vector<std::string> names, presets;
  const auto unique = [](std::vector<std::string>& list, const std::string& name) {
    for (const std::string& other : list) EXPECT(!same_kind(other, name));
    list.push_back(name);
  };
  for (const EncoderKind& kind : encoder_kinds()) {
    unique(names, kind.name);
    for (const std::string& preset : kind.presets) unique(presets, preset);
  }
  for (const DecoderKind& kind : decoder_kinds()) unique(names, kind.name);
  for (const ConditionerKind& kind : conditioner_kinds()) unique(names, kind.name);
  for (const VelocityKind& kind : velocity_kinds()) {
    unique(names, kind.name);
    for (const std::string& preset : kind.presets) unique(presets, preset);
  }
  EXPECT(same_kind("next_dit", "Next-DiT") && !same_kind("dinov2", "dinov3"));
}

TEST_CASE("catalogue: a configuration names its kind, by itself or by a preset") {
  EXPECT(encoder_plan(Json::object().set("arch", "dinov3_vitb16")).channels == 768);
  EXPECT(encoder_plan(Json::parse(R"({"kind": "DINOv3", "arch": "vitl16"})")).channels == 1024);
  EXPECT(decoder_plan(Json::parse(R"({"z_channels": 40})")).grid.channels == 40);
  EXPECT(decoder_plan(Json::parse(R"({"ch_mult": [1, 2, 4]})")).grid.cell_pixels == 4);
  EXPECT_ERROR(encoder_plan(Json::object().set("kind", "clip")), ErrorCode::kInvalidConfig, "clip");
  EXPECT_ERROR(encoder_plan(Json::object().set("arch", "clip_vitb16")), ErrorCode::kInvalidConfig, "clip_vitb16");
}

TEST_CASE("catalogue: one network written in two ways has the same dimensions") {
  const DecoderPlan one = decoder_plan(Json::parse(R"({"ch": 64, "ch_mult": [2, 4], "num_res_blocks": 1})"));
  const DecoderPlan two = decoder_plan(Json::parse(R"({"ch": 128, "ch_mult": [1, 2], "num_res_blocks": 1})"));
  EXPECT(one.dimensions.dump() == two.dimensions.dump());
}

TEST_CASE("catalogue: every encoder's latents are the autoencoder's, with residual channels and without") {
  for (const EncoderKind& kind : encoder_kinds()) {
    for (const EncoderPlan& plan : plans_of(kind)) {
      for (const int64_t extra : {int64_t{0}, int64_t{8}}) {
        AutoencoderConfig config;
        config.encoder = plan;
        if (extra > 0) config.residual = residual_kinds().front().from_json(Json::object());
        config.decoder = decoder_plan(Json::object().set("z_channels", plan.channels + extra));
        const AutoencoderWeights parts{Weights(std::make_shared<ShapesOnly>()), Weights(std::make_shared<ShapesOnly>()),
                                       Weights(std::make_shared<ShapesOnly>())};
        EXPECT(Autoencoder(parts, config).grid().channels == plan.channels + extra);
        config.decoder = decoder_plan(Json::object().set("z_channels", plan.channels + extra + 1));
        EXPECT_ERROR(Autoencoder(parts, config), ErrorCode::kInvalidConfig, "channels");
      }
    }
  }
}
