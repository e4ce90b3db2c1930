#include "bench/dit_bench.h"

#include <c10/core/GradMode.h>

#include <optional>

#include "bench/peak_rss.h"
#include "bench/run.h"
#include "core/error.h"
#include "core/random_weights.h"
#include "core/rng.h"
#include "core/system_memory.h"
#include "models/decoders/conv_decoder.h"
#include "models/guided_pictures.h"
#include "models/next_dit/next_dit.h"
#include "models/next_dit/work.h"
#include "ops/int8_weights.h"
#include "plain/plain_dit.h"

namespace svg {
namespace {

struct DitRow {
  int64_t px, tokens;
  const char* dtype;
  std::string name() const { return concat("dit-", px, "-", tokens, "-", dtype); }
};

NextDitConfig wide_dit_config() {
  NextDitConfig config;  // the 2B's but for its depth
  config.layers = 4;
  config.ffn_dim = 4 * config.dim;
  config.check();
  return config;
}

/// One guided step of a picture, timed with what a sample shares between its steps.
class DitStep {
 public:
  DitStep(const NextDit& model, const at::Tensor& features, int64_t side, std::vector<double> times)
      : model_(model),
        features_(features),
        times_(std::move(times)),
        picture_(model, {{conditional(), unconditional(), {side, side}, Guidance()}}, times_) {}

  at::Tensor velocity(const at::Tensor& latent, double t) const { return picture_.velocity({latent}, {.t = t})[0]; }
  at::Tensor shared() const {
    model_.modulation_table(at::tensor(times_, at::kFloat));
    unconditional();
    return conditional();
  }

 private:
  at::Tensor conditional() const { return model_.encode_caption(features_[0]); }
  at::Tensor unconditional() const { return model_.encode_caption(features_[1].narrow(0, 0, 1)); }  // one token

  const NextDit& model_;
  at::Tensor features_;  // (2, tokens, caption_dim)
  std::vector<double> times_;
  GuidedPictures picture_;
};

/// `exact`: fp32 of the same weights, the other side of an 8-bit row; null elsewhere.
Json bench_row(const DitRow& row, const NextDit& model, const NextDit* exact, int64_t repeats,
               at::Generator generator) {
  const at::Device device = model.device();
  const auto draw = [&](at::IntArrayRef shape) { return at::randn(shape, generator, at::TensorOptions()).to(device); };
  const int64_t side = row.px / ConvDecoderConfig().scale();  // in cells of the published decoder
  const at::Tensor latent = draw({1, model.config.in_channels, side, side});
  const at::Tensor features = draw({2, row.tokens, model.config.caption_dim});
  const at::Tensor mask = at::ones({2, row.tokens}, at::kBool);
  mask[1].narrow(0, 1, row.tokens - 1).fill_(false);
  constexpr int64_t kSteps = 50;

  // What a sample shares between its steps counts as one part in fifty of a step.
  std::vector<double> times;
  for (int64_t i = 0; i < kSteps; ++i) times.push_back(static_cast<double>(i) / kSteps);
  const DitStep step(model, features, side, times);
  const auto other = exact ? std::make_unique<DitStep>(*exact, features, side, times) : nullptr;
  Run shared{device}, ours{device}, other_shared{device}, plain{device};
  for (int64_t i = 0; i <= repeats; ++i) {
    if (i == 1) {  // the first turn warms up
      for (Run* run : {&shared, &ours, &other_shared, &plain}) run->restart();
    }
    const double t = times[static_cast<size_t>(i % kSteps)];
    shared.once([&] { return step.shared(); });
    ours.once([&] { return step.velocity(latent[0], t); });
    if (other) other_shared.once([&] { return other->shared(); });
    plain.once([&] {
      return other ? other->velocity(latent[0], t)
                   : plain_guided_velocity(model, latent, t, features, mask, Guidance());
    });
  }
  ours.peak = std::max(ours.peak, shared.peak);
  if (other) {
    for (double& seconds : plain.seconds) seconds += other_shared.median() / kSteps;
    plain.peak = std::max(plain.peak, other_shared.peak);
  }
  const VelocityLoad load{{{{side, side}, row.tokens, 1}}, true, static_cast<int64_t>(at::elementSize(model.dtype()))};
  return row_of(row.name(), ours.median() + shared.median() / kSteps, ours, plain)
      .set("flops", next_dit_work(model.config, load).flops());
}

/// A model of drawn weights, and the bytes that they hold; the same weights in every dtype.
struct DrawnDit {
  std::unique_ptr<NextDit> model;
  int64_t bytes = 0;

  DrawnDit(const NextDitConfig& config, const std::string& dtype, at::Device device) {
    give_back_free_memory();
    const int64_t before = current_rss();
    const Weights drawn(std::make_shared<RandomWeights>(seeded_generator(0), RandomWeights::Values::kRandom,
                                                        dtype == "bf16" ? at::kBFloat16 : at::kFloat, device));
    const VelocityKind kind = next_dit_kind();
    const auto takes = [&](const std::string& name, at::IntArrayRef shape) { return kind.takes_int8(name, shape); };
    model = std::make_unique<NextDit>(dtype == "int8" ? int8_weights(drawn, takes) : drawn, config);
    give_back_free_memory();
    bytes = current_rss() - before;
  }
};

}  // namespace

Json bench_dit(const std::string& only, int64_t repeats, at::Device device) {
  return bench_dit(wide_dit_config(), only, repeats, device);
}

Json bench_dit(const NextDitConfig& config, const std::string& only, int64_t repeats, at::Device device) {
  c10::NoGradGuard no_grad;
  at::Generator generator = seeded_generator(1);
  Json results = Json::array();
  for (const char* dtype : {"fp32", "bf16", "int8"}) {
    std::optional<DrawnDit> drawn, exact;  // of one dtype at a time in memory
    for (const DitRow& row : {DitRow{256, 128, dtype}, DitRow{256, 256, dtype}, DitRow{512, 128, dtype}}) {
      if (row.name().find(only) == std::string::npos) continue;
      const bool int8 = std::string_view(dtype) == "int8";
      if (int8 && !device.is_cpu()) continue;
      if (!drawn) {
        drawn.emplace(config, dtype, device);
        if (int8) exact.emplace(config, "fp32", device);
      }
      Json result = bench_row(row, *drawn->model, int8 ? exact->model.get() : nullptr, repeats, generator);
      if (int8) result.set("oursWeights", drawn->bytes).set("plainWeights", exact->bytes);
      results.push_back(std::move(result));
    }
  }
  Json report = Json::object();
  report.set("rows", results);
  return report;
}

}  // namespace svg
