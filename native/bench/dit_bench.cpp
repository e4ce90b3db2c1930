#include "bench/dit_bench.h"

#include <c10/core/GradMode.h>

#include "bench/run.h"
#include "core/error.h"
#include "core/random_weights.h"
#include "core/rng.h"
#include "models/decoders/conv_decoder.h"
#include "models/guided_pictures.h"
#include "models/next_dit/next_dit.h"
#include "models/next_dit/work.h"
#include "plain/plain_dit.h"

namespace svg {
namespace {

struct DitRow {
  int64_t px, tokens;
  bool bf16;
  std::string name() const {
    return "dit-" + std::to_string(px) + "-" + std::to_string(tokens) + (bf16 ? "-bf16" : "-fp32");
  }
};

NextDitConfig wide_dit_config() {
  NextDitConfig config;  // the 2B's but for its depth
  config.layers = 4;
  config.ffn_dim = 4 * config.dim;
  config.check();
  return config;
}

Json bench_row(const DitRow& row, const NextDit& model, int64_t repeats, at::Generator generator) {
  const at::Device device = model.device();
  const auto draw = [&](at::IntArrayRef shape) { return at::randn(shape, generator, at::TensorOptions()).to(device); };
  const int64_t side = row.px / ConvDecoderConfig().scale();  // in cells of the published decoder
  const at::Tensor latent = draw({1, model.config.in_channels, side, side});
  const at::Tensor features = draw({2, row.tokens, model.config.caption_dim});
  const at::Tensor mask = at::ones({2, row.tokens}, at::kBool);
  mask[1].narrow(0, 1, row.tokens - 1).fill_(false);  // the unconditional caption is one token
  const Guidance guidance;
  constexpr int64_t kSteps = 50;

  // What a sample shares between its steps counts as one part in fifty of a step.
  std::vector<double> times;
  for (int64_t i = 0; i < kSteps; ++i) times.push_back(static_cast<double>(i) / kSteps);
  const GuidedPictures picture(
      model,
      {{model.encode_caption(features[0]), model.encode_caption(features[1].narrow(0, 0, 1)), {side, side}, guidance}},
      times);
  Run shared{device}, ours{device}, plain{device};
  for (int64_t i = 0; i <= repeats; ++i) {
    if (i == 1) {  // the first turn warms up
      for (Run* run : {&shared, &ours, &plain}) run->restart();
    }
    const double t = times[static_cast<size_t>(i % kSteps)];
    shared.once([&] {
      model.modulation_table(at::tensor(times, at::kFloat));
      model.encode_caption(features[1].narrow(0, 0, 1));
      return model.encode_caption(features[0]);
    });
    ours.once([&] { return picture.velocity({latent[0]}, {.t = t})[0]; });
    plain.once([&] { return plain_guided_velocity(model, latent, t, features, mask, guidance); });
  }
  ours.peak = std::max(ours.peak, shared.peak);
  const VelocityLoad load{{{{side, side}, row.tokens, 1}}, true, row.bf16 ? 2 : 4};
  return row_of(row.name(), ours.median() + shared.median() / kSteps, ours, plain)
      .set("flops", next_dit_work(model.config, load).flops());
}

}  // namespace

Json bench_dit(const std::string& only, int64_t repeats, at::Device device) {
  return bench_dit(wide_dit_config(), only, repeats, device);
}

Json bench_dit(const NextDitConfig& config, const std::string& only, int64_t repeats, at::Device device) {
  c10::NoGradGuard no_grad;
  at::Generator generator = seeded_generator(0);
  Json results = Json::array();
  for (const bool bf16 : {false, true}) {
    std::unique_ptr<NextDit> model;  // one at a time in memory
    for (const DitRow& row : {DitRow{256, 128, bf16}, DitRow{256, 256, bf16}, DitRow{512, 128, bf16}}) {
      if (row.name().find(only) == std::string::npos) continue;
      if (!model) {
        const auto source = std::make_shared<RandomWeights>(generator, RandomWeights::Values::kRandom,
                                                            bf16 ? at::kBFloat16 : at::kFloat, device);
        model = std::make_unique<NextDit>(Weights(source), config);
      }
      results.push_back(bench_row(row, *model, repeats, generator));
    }
  }
  Json report = Json::object();
  report.set("rows", results);
  return report;
}

}  // namespace svg
