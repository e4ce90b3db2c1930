#include "bench/text_bench.h"

#include <c10/core/GradMode.h>

#include <numeric>

#include "bench/run.h"
#include "core/error.h"
#include "core/random_weights.h"
#include "core/rng.h"
#include "models/conditioners/gemma2.h"
#include "ops/int8_weights.h"

namespace svg {

Gemma2Config gemma_2b(int64_t layers) {
  Gemma2Config config;
  config.vocab_size = 1000;
  config.hidden_size = 2304;
  config.intermediate_size = 9216;
  config.layers = layers + 1;  // of the last one nothing is needed
  config.heads = 8;
  config.kv_heads = 4;
  config.head_dim = 256;
  config.sliding_window = 4096;
  config.query_pre_attn_scalar = 256;
  config.final_soft_cap = 30;
  for (int64_t i = 0; i < config.layers; ++i) config.sliding.push_back(i % 2 == 0);
  return config;
}

namespace {

/// The same weights in every dtype.
std::unique_ptr<Gemma2> drawn_gemma(const std::string& dtype, at::Device device) {
  const Weights drawn(std::make_shared<RandomWeights>(seeded_generator(0), RandomWeights::Values::kRandom,
                                                      dtype == "bf16" ? at::kBFloat16 : at::kFloat, device));
  const ConditionerKind kind = gemma2_kind();
  const auto takes = [&](const std::string& name, at::IntArrayRef shape) { return kind.takes_int8(name, shape); };
  return std::make_unique<Gemma2>(dtype == "int8" ? int8_weights(drawn, takes) : drawn, gemma_2b(/*layers=*/4));
}

}  // namespace

Json bench_text_encoder(const std::string& only, int64_t repeats, at::Device device) {
  c10::NoGradGuard no_grad;
  Json rows = Json::array();
  for (const std::string dtype : {"fp32", "bf16", "int8"}) {
    std::unique_ptr<Gemma2> model, exact;  // of one dtype at a time in memory
    for (const int64_t tokens : {128, 256}) {
      const std::string name = concat("text-encoder-", tokens, "-", dtype);
      if (name.find(only) == std::string::npos || (dtype == "int8" && !device.is_cpu())) continue;
      if (!model) {
        model = drawn_gemma(dtype, device);
        if (dtype == "int8") exact = drawn_gemma("fp32", device);
      }
      std::vector<int64_t> prompt(static_cast<size_t>(tokens));
      std::iota(prompt.begin(), prompt.end(), 2);
      const std::vector<int64_t> padded(prompt.size(), 2);
      const auto encoded = [&](const Gemma2& by, const std::vector<int64_t>& second) {
        return by.encode({prompt, second})[0].to(at::kFloat);
      };
      rows.push_back(compare(
          name, repeats, [&] { return encoded(*model, {2}); },
          [&] { return exact ? encoded(*exact, {2}) : encoded(*model, padded); }, device));
    }
  }
  return Json::object().set("rows", std::move(rows));
}

}  // namespace svg
