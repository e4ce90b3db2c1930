#include "train/dit_step.h"

#include <ATen/record_function.h>
#include <c10/core/GradMode.h>

#include <atomic>
#include <cmath>

#include "check.h"
#include "golden.h"
#include "tiny_dit.h"

using svg::test::largest_difference;
using svg::test::tiny_built;
using svg::test::tiny_config;
using svg::test::tiny_weights;

namespace {

svg::DitTrainer trainer() { return {tiny_built, tiny_weights(tiny_config()), {}, at::detail::createCPUGenerator(1)}; }

double mean_of(const at::Tensor& values) { return values.mean().item<double>(); }

svg::DitBatch batch(uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  const auto draw = [&](at::IntArrayRef shape) { return at::randn(shape, generator, at::TensorOptions()); };
  return {{draw({8, 2, 3}), draw({8, 4, 1})},
          {draw({8, 2, 3}), draw({8, 4, 1})},
          at::tensor({0.3, 0.8}, at::kFloat),
          {draw({4, 24}), draw({1, 24})}};
}

}  // namespace

TEST_CASE("dit_step: the loss falls on a batch that is shown again and again") {
  svg::DitTrainer training = trainer();
  const svg::DitBatch shown = batch(3);
  const double first = mean_of(training.accumulate(shown));
  training.apply();
  double last = first;
  for (int step = 0; step < 15; ++step) {
    last = mean_of(training.accumulate(shown));
    training.apply();
  }
  EXPECT(last < 0.9 * first);
}

TEST_CASE("dit_step: two micro-batches of half weight give the gradients of their mean") {
  svg::DitTrainer once = trainer();
  svg::DitTrainer twice = trainer();
  once.accumulate(batch(3));
  const auto whole = once.gradients();
  twice.accumulate(batch(3), 0.5);
  twice.accumulate(batch(3), 0.5);
  const auto parts = twice.gradients();
  EXPECT(whole.size() == parts.size() && whole.size() + 1 == once.parameters().size());  // all but norm_final
  for (const auto& [name, gradient] : whole) EXPECT_CLOSE(largest_difference(gradient, parts.at(name)), 0, 1e-5);
}

TEST_CASE("dit_step: gradients that are not finite change nothing") {
  svg::DitTrainer training = trainer();
  const at::Tensor before = training.parameters().at("layers.0.attention.qkv.weight").detach().clone();
  svg::DitBatch broken = batch(3);
  broken.data[0].fill_(INFINITY);
  training.accumulate(broken);
  EXPECT(!training.apply().applied());
  EXPECT(at::equal(before, training.parameters().at("layers.0.attention.qkv.weight").detach()));
  EXPECT(training.gradients().empty());
}

TEST_CASE("dit_step: no number of a step is read before somebody asks") {
  // Positions are laid out on the host, whose own tables this reads in any case.
  static std::atomic<int> reads, layouts;
  const auto begin = [](const at::RecordFunction& function) -> std::unique_ptr<at::ObserverContext> {
    const std::string name = function.name();
    if (name == "aten::repeat_interleave") ++layouts;
    if (name == "aten::_local_scalar_dense" && layouts == 0) ++reads;
    return nullptr;
  };
  const auto end = [](const at::RecordFunction& function, at::ObserverContext*) {
    if (std::string(function.name()) == "aten::repeat_interleave") --layouts;
  };
  for (const at::ScalarType precision : {at::kFloat, at::kBFloat16}) {
    svg::DitTrainerOptions options;
    options.precision = precision;
    svg::DitTrainer training(tiny_built, tiny_weights(tiny_config()), options, at::detail::createCPUGenerator(1));
    reads = 0;
    const at::CallbackHandle handle = at::addGlobalCallback(at::RecordFunctionCallback(begin, end));
    std::vector<at::Tensor> losses;
    std::vector<svg::StepResult> results;
    for (int step = 0; step < 2; ++step) {
      losses.push_back(training.accumulate(batch(3), 0.5, false));
      losses.push_back(training.accumulate(batch(4), 0.5));
      results.push_back(training.apply());
    }
    EXPECT(reads == 0);
    for (const svg::StepResult& result : results) EXPECT(result.applied());
    EXPECT(reads > 0);
    at::removeCallback(handle);
  }
}

TEST_CASE("dit_step: a step that is not finite leaves the count of those that were applied") {
  svg::DitTrainer training = trainer();
  svg::DitBatch broken = batch(3);
  broken.data[0].fill_(INFINITY);
  for (const svg::DitBatch& each : {batch(3), broken, batch(4)}) {
    training.accumulate(each);
    training.apply();
  }
  EXPECT(training.optimizer().steps() == 2);
}

TEST_CASE("dit_step: a saved state continues bit for bit") {
  svg::DitTrainer training = trainer();
  training.accumulate(batch(3));
  training.apply();
  svg::TensorMap saved;
  for (const auto& [name, tensor] : training.state()) saved[name] = tensor.clone();
  svg::DitTrainer resumed(tiny_built, {}, {}, at::detail::createCPUGenerator(99));
  resumed.load_state(saved);
  for (svg::DitTrainer* each : {&training, &resumed}) {
    each->accumulate(batch(4));
    each->apply();
  }
  const auto want = training.state();
  for (const auto& [name, tensor] : resumed.state()) EXPECT(at::equal(tensor, want.at(name)));
}

TEST_CASE("dit_step: filled rows change neither losses nor gradients") {
  svg::DitTrainerOptions options;
  svg::DitTrainer filled = trainer();
  options.losses = [](const svg::VelocityModel& trained, const svg::DitBatch& batch) {
    std::vector<at::Tensor> losses, noisy;
    for (size_t i = 0; i < batch.data.size(); ++i) {
      noisy.push_back(at::lerp(batch.noise[i], batch.data[i], batch.t[static_cast<int64_t>(i)]));
    }
    const auto& model = dynamic_cast<const svg::NextDit&>(trained);
    const auto velocities = model.velocities(noisy, batch.t, batch.conditions);
    for (size_t i = 0; i < batch.data.size(); ++i) {
      losses.push_back((velocities[i] - (batch.data[i] - batch.noise[i])).square().mean());
    }
    return at::stack(losses);
  };
  svg::DitTrainer alone(tiny_built, tiny_weights(tiny_config()), options, at::detail::createCPUGenerator(1));
  EXPECT_CLOSE(mean_of(filled.accumulate(batch(3))), mean_of(alone.accumulate(batch(3))), 1e-6);
  const svg::TensorMap wanted = alone.gradients();
  EXPECT(filled.gradients().size() == wanted.size());
  for (const auto& [name, gradient] : filled.gradients()) {
    EXPECT_CLOSE(largest_difference(wanted.at(name), gradient), 0, 1e-6);
  }
}

TEST_CASE("dit_step: golden case") { svg::test::expect_golden("dit-train-3-steps"); }

TEST_CASE("dit_step: recomputed activations give the same gradients") {
  svg::DitTrainerOptions options;
  svg::DitTrainer plain(tiny_built, tiny_weights(tiny_config()), options, at::detail::createCPUGenerator(1));
  options.runner = svg::recomputed_blocks();
  svg::DitTrainer recomputing(tiny_built, tiny_weights(tiny_config()), options, at::detail::createCPUGenerator(1));
  const double kept = mean_of(plain.accumulate(batch(3)));
  EXPECT_CLOSE(mean_of(recomputing.accumulate(batch(3))), kept, 1e-5);
  const svg::TensorMap wanted = plain.gradients();
  const svg::TensorMap got = recomputing.gradients();
  EXPECT(got.size() == wanted.size());
  for (const auto& [name, gradient] : wanted) EXPECT_CLOSE(largest_difference(got.at(name), gradient), 0, 1e-4);
}

TEST_CASE("dit_step: bf16 matrices follow fp32 parameters") {
  svg::DitTrainerOptions options;
  options.optimizer.lr = 1e-3;
  svg::DitTrainer full(tiny_built, tiny_weights(tiny_config()), options, at::detail::createCPUGenerator(1));
  options.precision = at::kBFloat16;
  svg::DitTrainer mixed(tiny_built, tiny_weights(tiny_config()), options, at::detail::createCPUGenerator(1));
  double loss = 0, mixed_loss = 0;
  for (int step = 0; step < 5; ++step) {
    loss = mean_of(full.accumulate(batch(3)));
    mixed_loss = mean_of(mixed.accumulate(batch(3)));
    full.apply();
    EXPECT(mixed.apply().applied());
  }
  EXPECT_CLOSE(mixed_loss, loss, 0.02 * loss);
  EXPECT(mixed.parameters().at("layers.0.attention.qkv.weight").scalar_type() == at::kFloat);
  EXPECT(mixed.model().dtype() == at::kBFloat16);
}
