#include "train/dit_step.h"

#include <c10/core/GradMode.h>

#include <cmath>
#include <numeric>

#include "check.h"
#include "golden.h"
#include "tiny_dit.h"
#include "train/grad_clip.h"

using svg::test::largest_difference;
using svg::test::tiny_built;
using svg::test::tiny_config;
using svg::test::tiny_weights;

namespace {

svg::DitTrainer trainer() { return {tiny_built, tiny_weights(tiny_config()), {}, at::detail::createCPUGenerator(1)}; }

double mean(const std::vector<double>& values) {
  return std::reduce(values.begin(), values.end()) / static_cast<double>(values.size());
}

svg::DitBatch batch(uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  const auto draw = [&](at::IntArrayRef shape) { return at::randn(shape, generator, at::TensorOptions()); };
  return {{draw({8, 2, 3}), draw({8, 4, 1})},
          {draw({8, 2, 3}), draw({8, 4, 1})},
          at::tensor({0.3, 0.8}, at::kFloat),
          {draw({4, 24}), draw({1, 24})}};
}

}  // namespace

TEST_CASE("adamw: the fused update is the plain one") {
  at::Tensor parameter = at::randn({40});
  at::Tensor plain = parameter.clone();
  at::Tensor exp_avg = at::zeros({40});
  at::Tensor exp_avg_sq = at::zeros({40});
  parameter.requires_grad_();
  svg::AdamWOptions options;
  options.weight_decay = 0.1;
  svg::AdamW adamw({{"w", parameter}}, options);
  for (int64_t step = 1; step <= 4; ++step) {
    const at::Tensor gradient = at::randn({40});
    parameter.mutable_grad() = gradient;
    adamw.step({{"w", parameter}});
    svg::adamw_reference(plain, gradient, exp_avg, exp_avg_sq, step, options);
    EXPECT_CLOSE(largest_difference(parameter.detach(), plain), 0, 1e-6);
  }
  EXPECT(adamw.state().at("step").item<int64_t>() == 4);
}

TEST_CASE("grad_clip: the common norm becomes the bound, shorter gradients stay") {
  at::Tensor a = at::zeros({2}).requires_grad_();
  at::Tensor b = at::zeros({1}).requires_grad_();
  a.mutable_grad() = at::tensor({3.0, 0.0}, at::kFloat);
  b.mutable_grad() = at::tensor({4.0}, at::kFloat);
  const svg::TensorMap parameters = {{"a", a}, {"b", b}};
  EXPECT_CLOSE(svg::gradient_norm(parameters), 5, 1e-6);
  svg::clip_gradients(parameters, 5, 10);
  EXPECT_CLOSE(svg::gradient_norm(parameters), 5, 1e-6);
  svg::clip_gradients(parameters, 5, 2);
  EXPECT_CLOSE(svg::gradient_norm(parameters), 2, 1e-5);
}

TEST_CASE("dit_step: the loss falls on a batch that is shown again and again") {
  svg::DitTrainer training = trainer();
  const svg::DitBatch shown = batch(3);
  const double first = mean(training.accumulate(shown));
  training.apply();
  double last = first;
  for (int step = 0; step < 15; ++step) {
    last = mean(training.accumulate(shown));
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
  EXPECT(!training.apply().applied);
  EXPECT(at::equal(before, training.parameters().at("layers.0.attention.qkv.weight").detach()));
  EXPECT(training.gradients().empty());
}

TEST_CASE("dit_step: averages that warm up forget how the weights began") {
  const svg::EmaOptions plain{.decay = 0.999}, warm{.decay = 0.999, .warmup = true};
  EXPECT(plain.decay_at(1) == 0.999);
  EXPECT_CLOSE(warm.decay_at(1), 2.0 / 11, 1e-12);
  EXPECT(warm.decay_at(100'000) == 0.999);
  const at::Tensor parameter = at::ones({2});
  svg::Ema average({{"w", at::zeros({2})}}, warm);
  for (int64_t step = 1; step <= 50; ++step) average.update({{"w", parameter}}, step);
  EXPECT(average.averages().at("w").min().item<double>() > 0.99);
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
  EXPECT_CLOSE(mean(filled.accumulate(batch(3))), mean(alone.accumulate(batch(3))), 1e-6);
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
  options.recompute_activations = true;
  svg::DitTrainer recomputing(tiny_built, tiny_weights(tiny_config()), options, at::detail::createCPUGenerator(1));
  const double kept = mean(plain.accumulate(batch(3)));
  EXPECT_CLOSE(mean(recomputing.accumulate(batch(3))), kept, 1e-5);
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
    loss = mean(full.accumulate(batch(3)));
    mixed_loss = mean(mixed.accumulate(batch(3)));
    full.apply();
    EXPECT(mixed.apply().applied);
  }
  EXPECT_CLOSE(mixed_loss, loss, 0.02 * loss);
  EXPECT(mixed.parameters().at("layers.0.attention.qkv.weight").scalar_type() == at::kFloat);
  EXPECT(mixed.model().dtype() == at::kBFloat16);
}
