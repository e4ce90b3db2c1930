#include "bench/sample_bench.h"

#include <c10/core/GradMode.h>

#include <numeric>

#include "bench/drawn_weights.h"
#include "bench/run.h"
#include "bench/text_bench.h"
#include "core/random_weights.h"
#include "core/rng.h"
#include "diffusion/sampler.h"
#include "models/conditioners/gemma2.h"
#include "models/decoders/conv_decoder.h"
#include "models/guided_pictures.h"
#include "models/next_dit/next_dit.h"
#include "plain/plain_decoder.h"
#include "plain/plain_dit.h"

namespace svg {
namespace {

constexpr int64_t kTokens = 128, kSide = 16;

NextDitConfig dit_config() {
  NextDitConfig config;
  config.dim = 768;
  config.heads = 8;
  config.kv_heads = 4;
  config.layers = 8;
  config.ffn_dim = 3072;
  config.check();
  return config;
}

std::shared_ptr<RandomWeights> random_weights(at::ScalarType dtype, at::Device device) {
  return std::make_shared<RandomWeights>(seeded_generator(0), RandomWeights::Values::kRandom, dtype, device);
}

Json sample_row(const std::string& name, at::ScalarType dtype, const SamplerOptions& solver, int64_t repeats,
                at::Device device) {
  const Gemma2 text(Weights(random_weights(dtype, device)), gemma_2b(/*layers=*/2));
  const NextDit dit(Weights(random_weights(dtype, device)), dit_config());
  ConvDecoderConfig decoder_config;
  decoder_config.ch = 64;
  const Weights weights = drawn_weights(
      dtype, [&](const Weights& source) { ConvDecoder(source, decoder_config); }, device);
  const ConvDecoder decoder(weights, decoder_config);
  const Guidance guidance;
  const at::Tensor noise =
      at::randn({1, dit.config.in_channels, kSide, kSide}, seeded_generator(1), at::TensorOptions()).to(device);
  std::vector<int64_t> prompt(kTokens), padded(kTokens, 2);
  std::iota(prompt.begin(), prompt.end(), 2);

  const auto ours = [&] {
    const std::vector<at::Tensor> features = text.encode({prompt, {2}});
    const GuidedPictures picture(
        dit, {{dit.encode_caption(features[0]), dit.encode_caption(features[1]), {kSide, kSide}, guidance}},
        model_times(solver));
    return decoder(sample(solver, noise, [&](const at::Tensor& x, const SolverTime& when) {
      return picture.velocity({x[0]}, when)[0].unsqueeze(0);
    }));
  };
  const auto plain = [&] {
    const at::Tensor features = at::stack(text.encode({prompt, padded}));
    const at::Tensor mask = at::ones({2, kTokens}, at::kBool);
    mask[1].narrow(0, 1, kTokens - 1).fill_(false);
    return plain_decode(weights, decoder_config,
                        sample(solver, noise, [&](const at::Tensor& x, const SolverTime& when) {
                          return plain_guided_velocity(dit, x, when.t, features, mask, guidance).view(x.sizes());
                        }));
  };
  return compare(name, repeats, ours, plain, device);
}

}  // namespace

Json bench_sample(const std::string& only, int64_t repeats, at::Device device) {
  c10::NoGradGuard no_grad;
  SamplerOptions solver;
  solver.steps = 10;
  Json rows = Json::array();
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const std::string name = dtype == at::kFloat ? "sample-256-128-fp32" : "sample-256-128-bf16";
    if (name.find(only) == std::string::npos) continue;
    rows.push_back(sample_row(name, dtype, solver, repeats, device));
  }
  return Json::object().set("rows", std::move(rows));
}

}  // namespace svg
