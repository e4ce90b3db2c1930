#include "bench/text_bench.h"

#include <c10/core/GradMode.h>

#include <numeric>

#include "bench/run.h"
#include "core/random_weights.h"
#include "core/rng.h"
#include "models/conditioners/gemma2.h"

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

Json bench_text_encoder(const std::string& only, int64_t repeats, at::Device device) {
  c10::NoGradGuard no_grad;
  Json rows = Json::array();
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    std::unique_ptr<Gemma2> model;  // one at a time in memory
    for (const int64_t tokens : {128, 256}) {
      const std::string name = "text-encoder-" + std::to_string(tokens) + (dtype == at::kFloat ? "-fp32" : "-bf16");
      if (name.find(only) == std::string::npos) continue;
      if (!model) {
        const auto source =
            std::make_shared<RandomWeights>(seeded_generator(0), RandomWeights::Values::kRandom, dtype, device);
        model = std::make_unique<Gemma2>(Weights(source), gemma_2b(/*layers=*/4));
      }
      std::vector<int64_t> prompt(static_cast<size_t>(tokens));
      std::iota(prompt.begin(), prompt.end(), 2);
      const std::vector<int64_t> padded(prompt.size(), 2);
      rows.push_back(compare(
          name, repeats,
          [&] {
            return model->encode({prompt, {2}})[0].to(at::kFloat);
          },
          [&] {
            return model->encode({prompt, padded})[0].to(at::kFloat);
          },
          device));
    }
  }
  return Json::object().set("rows", std::move(rows));
}

}  // namespace svg
