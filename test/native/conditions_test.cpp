// What pictures are conditioned on, from a request to what a velocity model reads.
#include "engine/conditions.h"

#include <c10/core/GradMode.h>

#include "check.h"
#include "engine/models.h"
#include "engine/training/feature_cache.h"
#include "engine/training/live_features.h"
#include "models/conditioners/labels.h"
#include "temp_folder.h"
#include "tiny_dit.h"

using namespace svg;

namespace {

/// Features that tell which tokens they are of; counts how often it was asked.
class CountingConditioner : public Conditioner {
 public:
  ConditionKind kind() const override { return ConditionKind::text(24, 0); }
  std::vector<at::Tensor> encode(const std::vector<std::vector<int64_t>>& inputs) const override {
    std::vector<at::Tensor> features;
    for (const auto& input : inputs) {
      ++asked;
      features.push_back(at::full({static_cast<int64_t>(input.size()), 24}, input[0], at::kBFloat16));
    }
    return features;
  }
  mutable int asked = 0;
};

Request item(const char* key, Json value) { return {Json::object().set(key, std::move(value)), "sample"}; }

}  // namespace

TEST_CASE("conditions: an item names tokens or a class, whichever the model reads") {
  const TensorMap tensors = {{"caption", at::tensor({2, 7}, at::kLong)}, {"table", at::zeros({2, 2}, at::kLong)}};
  const ConditionKind text = ConditionKind::text(24, 2), label = ConditionKind::label(10);
  EXPECT(condition_input(item("tokens", "caption"), text, tensors) == ConditionInput({2, 7}));
  EXPECT(condition_input(item("class", 10), label, tensors) == ConditionInput({10}));
  EXPECT_ERROR(condition_input(item("class", 11), label, tensors), ErrorCode::kInvalidArgument, "0 to 9");
  EXPECT_ERROR(condition_input(item("class", -1), label, tensors), ErrorCode::kInvalidArgument, "0 to 9");
  EXPECT_ERROR(condition_input(item("class", 10), ConditionKind::label(10, false), tensors),
               ErrorCode::kInvalidArgument, "0 to 9");
  EXPECT_ERROR(condition_input(item("tokens", "caption"), ConditionKind::text(24, 1), tensors),
               ErrorCode::kInvalidArgument, "at most 1");
  EXPECT_ERROR(token_ids(tensors, "table"), ErrorCode::kInvalidArgument, "one row");
  EXPECT_ERROR(token_ids(tensors, "absent"), ErrorCode::kInvalidArgument, "no tensor \"absent\"");
}

TEST_CASE("conditions: labels are numbers, and a model with classes brings them") {
  const Labels labels(10);
  const auto encoded = labels.encode({{3}, {10}});
  EXPECT(encoded[0].scalar_type() == at::kLong && encoded[0].sizes() == at::IntArrayRef({1}));
  EXPECT(encoded[0].item<int64_t>() == 3 && encoded[1].item<int64_t>() == 10);
  EXPECT_ERROR(labels.encode({{11}}), ErrorCode::kInvalidArgument, "0 to 9");
  EXPECT_ERROR(labels.encode({{1, 2}}), ErrorCode::kInvalidArgument, "0 to 9");

  EngineModels state;
  EXPECT_ERROR(conditioner_for(state, ConditionKind::text(24, 0)), ErrorCode::kNotLoaded, "text encoder");
  EXPECT(conditioner_for(state, ConditionKind::label(10)).kind() == ConditionKind::label(10));
  EXPECT(conditioner_for(state, ConditionKind::label(5)).kind() == ConditionKind::label(5));
  EXPECT_ERROR(conditioner_for(state, ConditionKind::text(24, 0)), ErrorCode::kNotLoaded, "text encoder");
  // Beside it a text encoder stays what it was.
  state.text_encoder = std::make_unique<CountingConditioner>();
  const Conditioner* text = state.text_encoder.get();
  EXPECT(&conditioner_for(state, ConditionKind::label(7)) != text);
  EXPECT(&conditioner_for(state, ConditionKind::text(24, 0)) == text);
  EXPECT(conditioner_for(state, ConditionKind::label(7)).kind() == ConditionKind::label(7));
  const auto numbers = encode_conditions(state, ConditionKind::label(5), {{4}});
  EXPECT(numbers[0].scalar_type() == at::kLong && numbers[0].item<int64_t>() == 4);
}

TEST_CASE("conditions: each caption is encoded once, and prepared for the model") {
  c10::NoGradGuard no_grad;
  const NextDit model = test::tiny_model(test::tiny_config());
  const CountingConditioner conditioner;
  ConditionCache cache;
  const auto first = cache.prepared(conditioner, model, {{1, 2}, {3}, {1, 2}});
  EXPECT(conditioner.asked == 2 && first[0].is_same(first[2]));
  EXPECT(at::equal(first[0], model.encode_caption(at::ones({2, 24}))));
  EXPECT(cache.prepared(conditioner, model, {{3}})[0].is_same(first[1]) && conditioner.asked == 2);
  cache.clear();
  cache.prepared(conditioner, model, {{3}});
  EXPECT(conditioner.asked == 3);
  EXPECT_ERROR(cache.prepared(conditioner, model, {ConditionInput(64, 1)}), ErrorCode::kInvalidArgument, "at most 63");
}

TEST_CASE("conditions: what is asked for with every caption is kept, however many captions come") {
  c10::NoGradGuard no_grad;
  const NextDit model = test::tiny_model(test::tiny_config());
  const CountingConditioner conditioner;
  ConditionCache cache;
  for (int64_t caption = 1; caption <= 40; ++caption) cache.prepared(conditioner, model, {{caption}, {0}});
  EXPECT(conditioner.asked == 41);
}

TEST_CASE("conditions: a shard keeps classes beside latents") {
  const test::TempFolder folder;
  const std::string path = folder.path("shard.safetensors");
  const std::vector<at::Tensor> latents = {at::randn({4, 2, 2}), at::randn({4, 2, 2})};
  write_feature_shard(path, latents, Labels(10).encode({{3}, {9}}), at::kFloat);
  const FeatureCache cache({path});
  EXPECT(at::equal(cache.latent(0, 1), latents[1]));
  EXPECT(cache.condition(0, 0).item<int64_t>() == 3 && cache.condition(0, 1).item<int64_t>() == 9);
  EXPECT(cache.condition(0, 1).scalar_type() == at::kLong);
  EXPECT_ERROR(cache.condition(0, 2), ErrorCode::kInvalidArgument, "holds 2 samples");
  write_feature_shard(path, {}, {at::randn({3, 5})}, at::kFloat);
  EXPECT_ERROR(FeatureCache({path}).latent(0, 0), ErrorCode::kInvalidArgument, "conditions alone");
}
