#include "bench/step_bench.h"

#include <c10/core/GradMode.h>

#include "bench/device_time.h"
#include "bench/run.h"
#include "core/cancel.h"
#include "core/random_weights.h"
#include "core/rng.h"
#include "models/guided_pictures.h"
#include "models/next_dit/next_dit.h"
#include "models/next_dit/work.h"
#include "plain/plain_dit.h"
#include "plain/plain_training.h"
#include "train/dit_step.h"

namespace svg {
namespace {

constexpr int64_t kStepTokens = 128, kStepCell = 16, kStepTimes = 50, kBf16Bytes = 2;

/// A side in pixels, and as many images in a training step as one GPU of 80 GB keeps the activations of.
struct StepRow {
  int64_t px, batch;
  int64_t cells() const { return px / kStepCell; }
  std::string name(const char* kind) const {
    return std::string(kind) + "-" + std::to_string(px) + "-" + std::to_string(kStepTokens);
  }
};

const std::vector<StepRow> kStepRows = {{256, 8}, {512, 4}, {1024, 1}};

/// Drawn on the device itself: a CPU takes half a minute for those of the 2B.
class DrawnThere : public WeightSource {
 public:
  explicit DrawnThere(at::Device device) : device_(device) {}

  at::Tensor find(const std::string&, at::IntArrayRef shape, Init, Role role) override {
    const at::Tensor drawn = at::empty(shape, at::device(device_).dtype(at::kFloat));
    drawn.normal_(shape.size() > 1 ? 0 : 1, kDeviation);
    return role == Role::kMatrix ? drawn.to(at::kBFloat16) : drawn;
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string&) const override { return std::nullopt; }
  std::string description() const override { return "random weights"; }

  static constexpr double kDeviation = 0.02;

 private:
  at::Device device_;
};

/// What a model asks for, of one element each: the trainer makes tensors of its own.
class AskedFor : public WeightSource {
 public:
  explicit AskedFor(at::Device device) : device_(device) {}

  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init, Role) override {
    return start[name] = at::zeros({}, at::device(device_)).expand(shape);
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string&) const override { return std::nullopt; }
  std::string description() const override { return "zeros"; }

  TensorMap start;

 private:
  at::Device device_;
};

Json step_row(const StepRow& row, const NextDit& model, int64_t repeats, at::Device device) {
  c10::NoGradGuard no_grad;
  const auto draw = [device](at::IntArrayRef shape) { return at::randn(shape, at::device(device).dtype(at::kFloat)); };
  const NextDitConfig& config = model.config;
  const at::Tensor latent = draw({1, config.in_channels, row.cells(), row.cells()});
  const at::Tensor features = draw({2, kStepTokens, config.caption_dim});
  const at::Tensor mask = at::ones({2, kStepTokens}, at::kBool);
  mask[1].narrow(0, 1, kStepTokens - 1).fill_(false);  // the unconditional caption is one token
  const Guidance guidance;
  std::vector<double> times;
  for (int64_t i = 0; i < kStepTimes; ++i) times.push_back(static_cast<double>(i) / kStepTimes);
  const Cells cells{row.cells(), row.cells()};
  const at::Tensor prompt = model.encode_caption(features[0]);
  const at::Tensor empty = model.encode_caption(features[1].narrow(0, 0, 1));
  const GuidedPictures picture(model, {{prompt, empty, cells, guidance}}, times);
  int64_t step = -1;
  const auto ours = [&] {
    step = (step + 1) % kStepTimes;
    const SolverTime when{.t = times[static_cast<size_t>(step)], .step = step, .steps = kStepTimes};
    return picture.velocity({latent[0]}, when)[0];
  };
  const auto plain = [&] {
    return plain_guided_velocity(model, latent, times[static_cast<size_t>(step)], features, mask, guidance);
  };
  const VelocityLoad load{{{cells, kStepTokens, 1}}, true, kBf16Bytes};
  return compare(row.name("step"), repeats, ours, plain, device).set("flops", next_dit_work(config, load).flops());
}

/// Seconds of a step, and the peak of its memory, model and optimiser included.
Run training_run(const NextDitConfig& config, const StepRow& row, int64_t repeats, at::Device device, bool is_plain) {
  const PeakMemory memory(device);
  const auto asked = std::make_shared<AskedFor>(device);
  NextDit(Weights(asked), config);
  DitTrainerOptions options;
  options.precision = at::kBFloat16;
  if (is_plain) options.losses = plain_flow_matching_losses;
  options.optimizer.fused = !is_plain;
  const auto build = [&config](const Weights& weights) { return std::make_unique<NextDit>(weights, config); };
  DitTrainer trainer(build, asked->start, options, seeded_generator(0), device);
  {
    c10::NoGradGuard no_grad;
    for (const auto& entry : trainer.parameters()) {
      at::Tensor(entry.second).normal_(entry.second.dim() > 1 ? 0 : 1, DrawnThere::kDeviation);
    }
    trainer.start_from(TensorMap(trainer.parameters()));
  }
  const auto draw = [device](at::IntArrayRef shape) { return at::randn(shape, at::device(device).dtype(at::kFloat)); };
  DitBatch batch;
  for (int64_t i = 0; i < row.batch; ++i) {
    batch.data.push_back(draw({config.in_channels, row.cells(), row.cells()}));
    batch.noise.push_back(draw({config.in_channels, row.cells(), row.cells()}));
    batch.conditions.push_back(draw({kStepTokens, config.caption_dim}));
  }
  batch.t = at::rand({row.batch}, at::device(device));
  Run run{device};
  for (int64_t i = 0; i <= repeats; ++i) {
    if (i == 1) run.restart();  // the first step warms up
    run.once([&] {
      const at::Tensor losses = trainer.accumulate(batch);
      trainer.apply();
      return losses;
    });
  }
  run.peak = memory.bytes();
  return run;
}

Json training_row(const NextDitConfig& config, const StepRow& row, int64_t repeats, at::Device device) {
  const Run ours = training_run(config, row, repeats, device, /*is_plain=*/false);
  const Run plain = training_run(config, row, repeats, device, /*is_plain=*/true);
  const auto rate = [&row](const Run& run) { return static_cast<double>(row.batch) / run.median(); };
  constexpr double kProductsOfGradients = 3;
  const VelocityLoad load{{{{row.cells(), row.cells()}, kStepTokens, 0}}, false, kBf16Bytes};
  const double forward =
      next_dit_work(config, load).flops() + next_dit_caption_work(config, kStepTokens, kBf16Bytes).flops();
  return row_of(row.name("train"), ours.median(), ours, plain)
      .set("ours", rate(ours))
      .set("plain", rate(plain))
      .set("unit", "images/s")
      .set("flops", kProductsOfGradients * forward);
}

}  // namespace

Json bench_steps(const NextDitConfig& config, const std::string& only, int64_t repeats, at::Device device) {
  Json rows = Json::array();
  {
    std::unique_ptr<NextDit> model;  // gone before training
    for (const StepRow& row : kStepRows) {
      if (row.name("step").find(only) == std::string::npos) continue;
      check_cancelled();
      if (!model) model = std::make_unique<NextDit>(Weights(std::make_shared<DrawnThere>(device)), config);
      rows.push_back(step_row(row, *model, repeats, device));
    }
  }
  for (const StepRow& row : kStepRows) {
    if (row.name("train").find(only) == std::string::npos) continue;
    check_cancelled();
    rows.push_back(training_row(config, row, repeats, device));
  }
  return Json::object().set("rows", std::move(rows));
}

}  // namespace svg
