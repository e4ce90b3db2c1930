// The optimiser step in one pass: what clipping, AdamW, averages and copies make of it one after the other.
#include "train/adamw.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "check.h"
#include "kernels/cuda.h"
#include "ops/adamw_update.h"
#include "ops/verified.h"
#include "tiny_dit.h"
#include "train/gradients.h"

using svg::test::largest_difference;

namespace {

std::vector<at::Device> devices() {
  if (at::hasCUDA() && svg::cuda::built_with_cuda()) return {at::kCPU, at::Device(at::kCUDA, 0)};
  std::printf("SKIPPED the update on the GPU: %s\n", at::hasCUDA() ? "built without CUDA" : "no GPU");
  return {at::kCPU};
}

/// Sizes below, at and above what one loop takes at a time.
const std::vector<int64_t> kSizes = {1, 15, 4096, 4097, 20'001};

std::vector<svg::AdamWTensors> parameters(at::Device device, at::ScalarType copied) {
  std::vector<svg::AdamWTensors> tensors;
  at::Generator generator = at::detail::createCPUGenerator(3);
  for (const int64_t size : kSizes) {
    const auto draw = [&] { return at::randn({size}, generator, at::TensorOptions()).to(device); };
    svg::AdamWTensors one{draw(), draw(), draw().square(), draw(), {}, {}};
    if (copied != at::kFloat) one.copy = one.parameter.to(copied);
    tensors.push_back(std::move(one));
  }
  tensors.push_back(tensors[0]);  // one without a gradient
  for (at::Tensor* each : {&tensors.back().parameter, &tensors.back().exp_avg, &tensors.back().exp_avg_sq}) {
    *each = each->clone();
  }
  tensors.back().average = tensors.back().parameter + 1;
  tensors.back().copy.reset();
  return tensors;
}

void give_gradients(std::vector<svg::AdamWTensors>& tensors, at::ScalarType dtype, uint64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  for (size_t i = 0; i < kSizes.size(); ++i) {
    const at::Tensor drawn = at::randn({kSizes[i]}, generator, at::TensorOptions());
    tensors[i].gradient = drawn.to(tensors[i].parameter.device(), dtype);
  }
}

svg::AdamWRule rule(double grad_clip) { return {1e-3, 0.9, 0.95, 1e-15, 0.1, grad_clip, 0.99, true}; }

at::Tensor scalar(double value, at::Device device) {
  return at::full({}, value, at::TensorOptions(device).dtype(at::kDouble));
}

at::Tensor counter(at::Device device) { return at::zeros({}, at::TensorOptions(device).dtype(at::kLong)); }

/// |got - want| over |want| + 1, the largest.
double error_of(const at::Tensor& got, const at::Tensor& want) {
  return ((got - want).abs() / (want.abs() + 1)).max().item<double>();
}

void expect_same(const std::vector<svg::AdamWTensors>& got, const std::vector<svg::AdamWTensors>& want, double bound) {
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_CLOSE(error_of(got[i].parameter, want[i].parameter), 0, bound);
    EXPECT_CLOSE(error_of(got[i].exp_avg, want[i].exp_avg), 0, bound);
    EXPECT_CLOSE(error_of(got[i].exp_avg_sq, want[i].exp_avg_sq), 0, bound);
    EXPECT_CLOSE(error_of(got[i].average, want[i].average), 0, bound);
    if (!got[i].copy.defined()) continue;
    EXPECT(at::equal(got[i].copy, got[i].parameter.to(got[i].copy.scalar_type())));
  }
}

}  // namespace

TEST_CASE("adamw: one pass is the plain operations, clipped and not, with gradients and copies of every dtype") {
  for (const at::Device device : devices()) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
      for (const double clip : {0.0, 2.0, 1e6}) {
        auto fused = parameters(device, dtype), plain = parameters(device, dtype);
        const at::Tensor steps = counter(device), plain_steps = counter(device);
        for (uint64_t step = 1; step <= 4; ++step) {
          give_gradients(fused, dtype, step);
          give_gradients(plain, dtype, step);
          svg::adamw_update(fused, rule(clip), scalar(5, device), steps);
          svg::adamw_update_reference(plain, rule(clip), scalar(5, device), plain_steps);
          expect_same(fused, plain, 1e-6);
        }
        EXPECT(steps.item<int64_t>() == 4 && plain_steps.item<int64_t>() == 4);
      }
    }
  }
  for (const svg::KernelFault& fault : svg::kernel_faults()) EXPECT(fault.signature != "adamw_update");
}

TEST_CASE("adamw: a norm that is not finite changes nothing, not even the count") {
  for (const at::Device device : devices()) {
    for (const double norm : {std::nan(""), double{INFINITY}}) {
      auto tensors = parameters(device, at::kBFloat16);
      const auto before = parameters(device, at::kBFloat16);
      give_gradients(tensors, at::kFloat, 1);
      const at::Tensor steps = counter(device);
      svg::adamw_update(tensors, rule(2), scalar(norm, device), steps);
      for (size_t i = 0; i < tensors.size(); ++i) {
        EXPECT(at::equal(tensors[i].parameter, before[i].parameter) &&
               at::equal(tensors[i].exp_avg, before[i].exp_avg));
        EXPECT(at::equal(tensors[i].average, before[i].average));
      }
      EXPECT(steps.item<int64_t>() == 0);
    }
  }
}

TEST_CASE("adamw: any number of threads gives the same bits") {
  const int threads = at::get_num_threads();
  auto alone = parameters(at::kCPU, at::kBFloat16), shared = parameters(at::kCPU, at::kBFloat16);
  for (auto* tensors : {&alone, &shared}) {
    at::set_num_threads(tensors == &alone ? 1 : 4);
    give_gradients(*tensors, at::kBFloat16, 1);
    svg::adamw_update(*tensors, rule(2), scalar(5, at::kCPU), counter(at::kCPU));
  }
  at::set_num_threads(threads);
  for (size_t i = 0; i < alone.size(); ++i) {
    EXPECT(at::equal(alone[i].parameter, shared[i].parameter) && at::equal(alone[i].average, shared[i].average));
  }
}

TEST_CASE("adamw: parameters by name, in one pass and operation by operation") {
  svg::AdamWOptions options;
  options.weight_decay = 0.1;
  const at::Tensor start = at::randn({40});
  std::vector<at::Tensor> ends;
  for (const bool fused : {true, false}) {
    options.fused = fused;
    const svg::TensorMap named = {{"w", start.clone()}, {"still", start.clone()}};
    svg::AdamW adamw(named, options);
    svg::Ema ema(named, {.decay = 0.5});
    for (int64_t step = 1; step <= 3; ++step) {
      const svg::TensorMap gradients = {{"w", at::full({40}, static_cast<double>(step))}};
      adamw.step(named, {gradients, svg::gradient_norm(gradients), 1, &ema});
    }
    EXPECT(adamw.steps() == 3 && adamw.state().at("step").item<int64_t>() == 3);
    EXPECT(at::equal(named.at("still"), start) && at::equal(ema.averages().at("still"), start));
    ends.push_back(at::cat({named.at("w"), ema.averages().at("w"), adamw.state().at("exp_avg.w")}));
  }
  EXPECT_CLOSE(largest_difference(ends[0], ends[1]), 0, 1e-6);
}

TEST_CASE("gradients: the norm is of all gradients together, in whatever dtypes") {
  const at::Tensor a = at::tensor({3.0, 0.0}, at::kFloat), b = at::full({1}, 4.0, at::kBFloat16);
  EXPECT_CLOSE(svg::gradient_norm({{"a", a}, {"b", b}}).item<double>(), 5, 1e-6);
  EXPECT(svg::gradient_norm({}).item<double>() == 0);
}

TEST_CASE("adamw: averages that warm up forget how the weights began") {
  EXPECT(svg::average_decay(0.999, false, 1) == 0.999);
  EXPECT_CLOSE(svg::average_decay(0.999, true, 1), 2.0 / 11, 1e-12);
  EXPECT(svg::average_decay(0.999, true, 100'000) == 0.999);
  const svg::TensorMap ones = {{"w", at::ones({2})}};
  svg::Ema average({{"w", at::zeros({2})}}, {.decay = 0.999, .warmup = true});
  svg::AdamW adamw(ones, {});
  for (int64_t step = 1; step <= 50; ++step) adamw.step(ones, {{}, at::zeros({}, at::kDouble), 0, &average});
  EXPECT(average.averages().at("w").min().item<double>() > 0.99);
}
