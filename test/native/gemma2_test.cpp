#include "models/conditioners/gemma2.h"

#include <atomic>

#include "core/cancel.h"
#include "core/random_weights.h"
#include "core/rng.h"
#include "golden.h"

namespace svg::test {
namespace {

// A source that tells which tensors were asked for.
class RecordingSource : public MapSource {
 public:
  using MapSource::MapSource;
  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init init, Role role) override {
    asked.push_back(name);
    return MapSource::find(name, shape, init, role);
  }
  bool asked_below(const std::string& prefix) const {
    return std::any_of(asked.begin(), asked.end(), [&](const std::string& name) { return name.rfind(prefix, 0) == 0; });
  }
  std::vector<std::string> asked;
};

struct Sample {
  GoldenCase golden{golden_folder("gemma2-text-encoder")};
  Gemma2Config config = Gemma2Config::from_json(golden.config());
  std::vector<int64_t> prompt(size_t length) const {
    std::vector<int64_t> ids;
    for (size_t i = 0; i < length; ++i) ids.push_back(static_cast<int64_t>((7 * i + 2) % 120));
    return ids;
  }
};

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kFloat) - b.to(at::kFloat)).abs().max().item<double>();
}

}  // namespace

TEST_CASE("gemma2: golden features, logits and continuation, as the original computes them: without the cap") {
  expect_golden("gemma2-as-the-original");
}
TEST_CASE("gemma2: golden features, logits and continuation with the cap on attention scores") {
  expect_golden("gemma2-text-encoder");
}

TEST_CASE("gemma2: config.json's cap counts only where it is asked for, that of the logits always") {
  const Sample sample;
  EXPECT(sample.config.attention_soft_cap == 0 && sample.config.final_soft_cap == 30);
  EXPECT(Gemma2Config::from_json(sample.golden.config(), /*attention_soft_cap=*/true).attention_soft_cap == 50);
  Json json = sample.golden.config();
  json.set("attn_logit_softcapping", Json());
  EXPECT(Gemma2Config::from_json(json, true).attention_soft_cap == 0);
  json.set("attn_logit_softcapping", -1);
  EXPECT_ERROR(Gemma2Config::from_json(json), ErrorCode::kInvalidConfig, "soft caps");
}

TEST_CASE("gemma2: libtorch's attention agrees with one step after the other, within and past the window") {
  const Sample sample;
  const auto source = std::make_shared<RandomWeights>(seeded_generator(5), RandomWeights::Values::kRandom);
  Gemma2Config config = sample.config;
  for (const int64_t window : {4, 600, 2000}) {
    config.sliding_window = window;
    for (const bool sliding : {false, true}) {
      Gemma2Attention attention(Weights(source), config, sliding);
      for (const int64_t rows : {1, 5, 700}) {
        const PackedTokens tokens(config, {rows}, 0, at::kCPU);
        const at::Tensor x = at::randn({rows, config.hidden_size}, seeded_generator(6), at::TensorOptions());
        attention.plain = false;
        const at::Tensor fast = attention(x, tokens, nullptr);
        attention.plain = true;
        EXPECT(largest_difference(fast, attention(x, tokens, nullptr)) < 1e-5);
      }
    }
  }
}

TEST_CASE("gemma2: absurd sizes of config.json are refused before anything of their size is made") {
  const Sample sample;
  for (const char* key : {"num_hidden_layers", "vocab_size", "hidden_size", "intermediate_size", "num_attention_heads",
                          "num_key_value_heads", "head_dim", "sliding_window"}) {
    for (const int64_t value : {int64_t{1} << 53, int64_t{0}, int64_t{-3}}) {
      Json json = sample.golden.config();
      json.set(key, value);
      EXPECT_ERROR(Gemma2Config::from_json(json), ErrorCode::kInvalidConfig, key);
    }
  }
  Json json = sample.golden.config();
  json.set("num_hidden_layers", 1001);
  EXPECT_ERROR(Gemma2Config::from_json(json), ErrorCode::kInvalidConfig, "1001");
}

TEST_CASE("gemma2: tensors that are none of its own are refused by name, before and after the head is read") {
  const Sample sample;
  TensorMap weights = sample.golden.weight_map();
  const auto build = [&] {
    Gemma2 model(Weights(std::make_shared<MapSource>(weights, "test weights")), sample.config);
    model.refuse_unknown();
    model.next_token_logits({2});
    model.refuse_unknown();
  };
  weights["lm_head.weight"] = at::zeros({120, 48});
  weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = at::zeros({8});
  build();
  for (const char* name : {"model.layers.1.mlp.up_proj.weight_scale", "model.layers.3.mlp.up_proj.lora_A.weight",
                           "foo.bar", "model.layers.2.self_attn.q_proj.bias", "model.layers.3.mlp.down_proj.bias"}) {
    weights[name] = at::ones({1});
    EXPECT_ERROR(build(), ErrorCode::kWeightsMismatch, name);
    weights.erase(name);
  }
  weights["model.layers.1.mlp.up_proj.weight"] = at::ones({96, 48}, at::kChar);
  EXPECT_ERROR(build(), ErrorCode::kWeightsMismatch, "model.layers.1.mlp.up_proj.weight");
}

TEST_CASE("gemma2: a prompt's features do not depend on what is packed beside it") {
  const Sample sample;
  const Gemma2 model(sample.golden.weights(), sample.config);
  const auto packed = model.encode({sample.prompt(30), sample.prompt(1), sample.prompt(11)});
  EXPECT(packed.size() == 3 && packed[0].size(0) == 30 && packed[1].size(0) == 1 && packed[2].size(1) == 48);
  EXPECT(largest_difference(packed[2], model.encode({sample.prompt(11)})[0]) < 1e-5);
  // Causal: the features of a prefix are the prefix of the features, but for how attention adds up 11 keys or 30.
  EXPECT(largest_difference(packed[2], packed[0].narrow(0, 0, 11)) < 1e-5 * packed[2].abs().max().item<double>());
}

TEST_CASE("gemma2: padded sequences attend as packed ones") {
  const Sample sample;
  const auto source = std::make_shared<RandomWeights>(seeded_generator(3), RandomWeights::Values::kRandom);
  for (const bool sliding : {false, true}) {
    const Gemma2Attention attention(Weights(source), sample.config, sliding);
    PackedTokens tokens(sample.config, {30, 1, 11}, 0, at::kCPU);
    const at::Tensor x = at::randn({42, sample.config.hidden_size}, seeded_generator(4), at::TensorOptions());
    const at::Tensor packed = attention(x, tokens, nullptr);
    tokens.pad();
    EXPECT(largest_difference(attention(x, tokens, nullptr), packed) < 1e-6);
  }
}

TEST_CASE("gemma2: generation with the cache agrees with recomputing every token, past the sliding window") {
  const Sample sample;
  Gemma2Config config = sample.config;
  config.end_tokens.clear();
  Gemma2 model(sample.golden.weights(), config);
  std::vector<int64_t> plain = sample.prompt(5);
  const std::vector<int64_t> cached = model.generate(plain, 25);
  for (int i = 0; i < 25; ++i) plain.push_back(model.next_token_logits(plain).argmax().item<int64_t>());
  EXPECT(cached == plain);
}

TEST_CASE("gemma2: generation stops at an end token, at the limit and when told to") {
  const Sample sample;
  Gemma2Config config = sample.config;
  config.end_tokens.clear();
  Gemma2 model(sample.golden.weights(), config);
  const std::vector<int64_t> all = model.generate(sample.prompt(5), 6);
  EXPECT(all.size() == 11);
  config.end_tokens = {all[7]};
  Gemma2 ending(sample.golden.weights(), config);
  const std::vector<int64_t> cut = ending.generate(sample.prompt(5), 6);
  EXPECT(cut.back() == all[7] && cut.size() <= 8);
  EXPECT(model.generate(sample.prompt(5), 0).size() == 5);
  const auto stop = [](int64_t produced) {
    if (produced == 2) throw Error(ErrorCode::kCancelled, "stopped");
  };
  EXPECT_ERROR(model.generate(sample.prompt(5), 6, stop), ErrorCode::kCancelled, "stopped");
}

TEST_CASE("gemma2: a cancelled job ends within the prefill, and a prompt beyond the positions is refused") {
  const Sample sample;
  Gemma2 model(sample.golden.weights(), sample.config);
  EXPECT_ERROR(model.generate(std::vector<int64_t>(kGemma2MaxPositions - 5, 1), 6), ErrorCode::kInvalidArgument,
               "8192 positions");
  const std::atomic<bool> cancelled{true};
  const CancelScope scope(cancelled);
  bool produced = false;
  EXPECT_ERROR(model.generate(sample.prompt(5), 6, [&](int64_t) { produced = true; }), ErrorCode::kCancelled,
               "cancelled");
  EXPECT_ERROR(model.encode({sample.prompt(5)}), ErrorCode::kCancelled, "cancelled");
  EXPECT(!produced);
}

TEST_CASE("gemma2: features never ask for the last layer, generation does") {
  const Sample sample;
  const auto source = std::make_shared<RecordingSource>(sample.golden.weight_map(), "memory");
  Gemma2 model{Weights(source), sample.config};
  model.encode({sample.prompt(4)});
  EXPECT(!source->asked_below("model.layers.3") && !source->asked_below("model.norm"));
  model.next_token_logits(sample.prompt(4));
  EXPECT(source->asked_below("model.layers.3") && source->asked_below("model.norm"));
  // The head leaves the features as they were.
  EXPECT(largest_difference(model.encode({sample.prompt(4)})[0],
                            Gemma2(sample.golden.weights(), sample.config).encode({sample.prompt(4)})[0]) == 0);
}

TEST_CASE("gemma2: keys without a prefix, and bf16 within its rounding") {
  const Sample sample;
  TensorMap bare;
  for (const auto& [name, value] : sample.golden.weight_map()) bare[name.substr(6)] = value;
  const Gemma2 model(sample.golden.weights(), sample.config);
  const at::Tensor exact = model.encode({sample.prompt(20)})[0];
  const Gemma2 same(Weights(std::make_shared<MapSource>(bare, "memory")), sample.config);
  EXPECT(largest_difference(same.encode({sample.prompt(20)})[0], exact) == 0);
  const auto source = std::make_shared<MapSource>(bare, "memory", at::kCPU, at::kBFloat16);
  const at::Tensor rounded = Gemma2(Weights(source), sample.config).encode({sample.prompt(20)})[0];
  EXPECT(rounded.scalar_type() == at::kBFloat16);
  const double error = ((rounded.to(at::kFloat) - exact).norm() / exact.norm()).item<double>();
  EXPECT_CLOSE(error, 0, 0.04);  // relative; 0.026 with these random weights
}

TEST_CASE("gemma2: fresh weights leave a token much the same features in any company") {
  const Sample sample;
  const auto source = std::make_shared<RandomWeights>(seeded_generator(0), RandomWeights::Values::kInitial);
  const auto features = Gemma2(Weights(source), sample.config).encode({{2, 10, 20, 30}, {2, 50, 40, 30}});
  const at::Tensor once = features[0][3], again = features[1][3], other = features[0][2];
  EXPECT(((once - again).norm() / once.norm()).item<double>() < 0.2);
  EXPECT(((once - other).norm() / once.norm()).item<double>() > 0.7);
  EXPECT(largest_difference(once, again) > 0);
}

TEST_CASE("gemma2: contradictions are refused with their cause") {
  const Sample sample;
  Json json = sample.golden.config();
  json.set("hidden_size", 64);
  EXPECT_ERROR(Gemma2(sample.golden.weights(), Gemma2Config::from_json(json)), ErrorCode::kWeightsMismatch,
               "embed_tokens");
  json = sample.golden.config();
  json.set("num_hidden_layers", 3);
  EXPECT_ERROR(Gemma2(sample.golden.weights(), Gemma2Config::from_json(json)), ErrorCode::kWeightsMismatch,
               "more than the 3 layers");
  json = sample.golden.config();
  json.set("num_key_value_heads", 3);
  EXPECT_ERROR(Gemma2Config::from_json(json), ErrorCode::kInvalidConfig, "no multiple");
  json.set("model_type", "llama");
  EXPECT_ERROR(Gemma2Config::from_json(json), ErrorCode::kInvalidConfig, "llama");
  const Gemma2 model(sample.golden.weights(), sample.config);
  EXPECT_ERROR(model.encode({{2, 120}}), ErrorCode::kInvalidArgument, "token 120");
  EXPECT_ERROR(model.encode({{}}), ErrorCode::kInvalidArgument, "at least one");
}

}  // namespace svg::test
