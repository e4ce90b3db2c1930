// What only a GPU can show: NCCL, and training steps against those of the CPU.
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "check.h"
#include "engine/drawing_memory.h"
#include "models/next_dit/graphed_steps.h"
#include "ops/packed_attention.h"
#include "ops/verified.h"
#include "ranks.h"
#include "tiny_dit.h"
#include "train/dit_step.h"

using svg::DitTrainer;
using svg::ParallelMode;
using svg::ProcessGroup;
using svg::test::group_options;
using svg::test::tiny_built;
using svg::test::tiny_config;
using svg::test::tiny_weights;

namespace {

constexpr int kSteps = 3;

bool skipped(const char* what) {
  if (at::hasCUDA()) return false;
  std::printf("SKIPPED %s: no GPU\n", what);
  return true;
}

std::unique_ptr<ProcessGroup> one_rank(at::Device device, const char* backend) {
  svg::GroupOptions options = group_options(0, 1, svg::test::free_port());
  options.device = device;
  options.backend = backend;
  return ProcessGroup::open(options);
}

/// Sums, largest values, broadcasts and gathers of one rank are its own values.
void expect_collectives(ProcessGroup& group) {
  const at::Tensor values = at::arange(6, at::device(group.device()).dtype(at::kFloat)).view({2, 3});
  const at::Tensor sum = values.clone();
  group.all_reduce(sum);
  group.all_reduce(sum, svg::ReduceOp::kMax);
  group.reduce(sum, 0);
  group.broadcast(sum, 0);
  EXPECT(at::equal(sum, values));
  const auto gathered = group.all_gather(values);
  EXPECT(gathered.size() == 1 && at::equal(gathered[0], values));
  group.agree("configuration", "the same");
  group.barrier();
}

svg::DitBatch batch(int64_t step, at::Device device) {
  at::Generator generator = at::detail::createCPUGenerator(static_cast<uint64_t>(step));
  const auto draw = [&](at::IntArrayRef shape) { return at::randn(shape, generator, at::TensorOptions()).to(device); };
  const auto pair = [&](at::IntArrayRef one, at::IntArrayRef other) {
    return std::vector<at::Tensor>{draw(one), draw(other)};
  };
  svg::DitBatch batch;
  batch.data = pair({8, 4, 4}, {8, 2, 4});
  batch.noise = pair({8, 4, 4}, {8, 2, 4});
  batch.t = at::rand({2}, generator, at::TensorOptions()).to(device);
  batch.conditions = pair({5, 24}, {3, 24});
  return batch;
}

/// Loss and norm of the gradients, step by step.
std::vector<double> train(at::Device device, at::ScalarType precision, ProcessGroup* group = nullptr,
                          ParallelMode mode = ParallelMode::kData) {
  svg::DitTrainerOptions options;
  options.optimizer.lr = 1e-3;
  options.precision = precision;
  options.group = group;
  options.sync = {mode, 20'000};
  DitTrainer trainer(tiny_built, tiny_weights(tiny_config()), options, at::detail::createCPUGenerator(1), device);
  std::vector<double> values;
  for (int64_t step = 0; step < kSteps; ++step) {
    values.push_back(trainer.accumulate(batch(step, device)).mean().item<double>());
    values.push_back(trainer.apply().grad_norm());
  }
  return values;
}

void expect_close(const std::vector<double>& got, const std::vector<double>& wanted, double relative) {
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_CLOSE(got[i], wanted[i], relative * std::abs(wanted[i]));
}

}  // namespace

TEST_CASE("gpu: a back end that is named also joins one rank") {
  const auto group = one_rank(at::kCPU, "gloo");
  EXPECT(group->backend() == "gloo");
  expect_collectives(*group);
  const auto alone = train(at::kCPU, at::kFloat);
  for (const ParallelMode mode : {ParallelMode::kData, ParallelMode::kOptimizer}) {
    expect_close(train(at::kCPU, at::kFloat, group.get(), mode), alone, 1e-6);
  }
}

TEST_CASE("gpu: collectives of NCCL") {
  if (skipped("collectives of NCCL")) return;
  const auto group = one_rank(at::Device(at::kCUDA, 0), "nccl");
  EXPECT(group->backend() == "nccl");
  expect_collectives(*group);
}

TEST_CASE("gpu: steps of the transformer are the CPU's") {
  if (skipped("steps of the transformer on a GPU")) return;
  const at::Device gpu(at::kCUDA, 0);
  const auto plain = train(at::kCPU, at::kFloat);
  expect_close(train(gpu, at::kFloat), plain, 1e-4);
  expect_close(train(gpu, at::kBFloat16), plain, 3e-2);
  const auto nccl = one_rank(gpu, "nccl");
  for (const ParallelMode mode : {ParallelMode::kData, ParallelMode::kOptimizer}) {
    expect_close(train(gpu, at::kFloat, nccl.get(), mode), plain, 1e-4);
    expect_close(train(gpu, at::kBFloat16, nccl.get(), mode), plain, 3e-2);
  }
}

TEST_CASE("gpu: packed attention is that of each segment") {
  if (skipped("packed attention on a GPU")) return;
  const at::Device gpu(at::kCUDA, 0);
  const svg::Segments queries({0, 3, 9, 109}, gpu), keys({0, 5, 12, 112}, gpu);
  for (const int64_t head_dim : {48, 96}) {
    const auto leaf = [&](int64_t rows, int64_t heads) {
      return at::randn({rows, heads, head_dim}).to(gpu, at::kBFloat16).requires_grad_();
    };
    const std::vector<at::Tensor> inputs = {leaf(queries.rows(), 4), leaf(keys.rows(), 2), leaf(keys.rows(), 2)};
    const at::Tensor got = svg::packed_attention(inputs[0], inputs[1], inputs[2], queries, keys);
    const at::Tensor want = svg::packed_attention_reference(inputs[0], inputs[1], inputs[2], queries, keys);
    const auto expect_same = [](const at::Tensor& got, const at::Tensor& want) {
      const at::Tensor wide = want.detach().to(at::kFloat);
      EXPECT_CLOSE(((got.detach().to(at::kFloat) - wide).norm() / wide.norm()).item<double>(), 0, 1e-2);
    };
    expect_same(got, want);
    const at::Tensor slope = at::randn_like(got).detach();
    const auto got_gradients = torch::autograd::grad({got}, inputs, {slope});
    const auto want_gradients = torch::autograd::grad({want}, inputs, {slope});
    for (size_t i = 0; i < inputs.size(); ++i) expect_same(got_gradients[i], want_gradients[i]);
  }
}

TEST_CASE("gpu: guided pictures of unlike sizes, times and guidance are the CPU's") {
  if (skipped("guided pictures")) return;
  const c10::NoGradGuard no_grad;
  const svg::NextDitConfig config = tiny_config();
  const auto weights = [&](at::Device device) {
    return svg::Weights(std::make_shared<svg::MapSource>(tiny_weights(config), "tiny weights", device, at::kFloat));
  };
  const svg::NextDit on_cpu(weights(at::kCPU), config), on_gpu(weights(at::Device(at::kCUDA, 0)), config);
  svg::Guidance renorm, none;
  renorm.until = 0.5;
  none.scale = 1;
  const auto one = on_cpu.guide(), other = on_gpu.guide();
  std::vector<svg::GuidedQuery> queries;
  const auto add = [&](const svg::Cells& cells, const svg::Guidance& guidance, const std::vector<double>& times) {
    const at::Tensor prompt = at::randn({3, 24}), negative = at::randn({1, 24});
    const int64_t number = one->add({on_cpu.prepared(prompt), on_cpu.prepared(negative), cells, guidance}, times);
    EXPECT(number == other->add({on_gpu.prepared(prompt), on_gpu.prepared(negative), cells, guidance}, times));
    queries.push_back({number, at::randn({8, cells.rows, cells.columns}), {times[queries.size()]}});
  };
  add({4, 6}, renorm, {0.1, 0.3, 0.7});
  add({2, 3}, none, {0.2, 0.6, 0.9});
  add({4, 6}, renorm, {0.1, 0.3, 0.7});
  const std::vector<at::Tensor> want = one->velocity(queries);
  for (svg::GuidedQuery& query : queries) query.latent = query.latent.to(at::kCUDA);
  for (int turn = 0; turn < 2; ++turn) {  // the second time without what verifies kernels
    const std::vector<at::Tensor> got = other->velocity(queries);
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_CLOSE((got[i].cpu() - want[i]).abs().max().item<double>(), 0, 1e-3);
    }
  }
}

TEST_CASE("gpu: steps that are recorded are the steps that are not") {
  if (skipped("recorded steps")) return;
  const c10::NoGradGuard no_grad;
  const svg::NextDitConfig config = [] {
    svg::NextDitConfig wide = tiny_config();
    wide.dim = 192;  // heads of 48: what the packed attention takes
    wide.axes_dims = {16, 16, 16};
    return wide;
  }();
  const svg::NextDit model(svg::Weights(std::make_shared<svg::MapSource>(tiny_weights(config), "tiny weights",
                                                                         at::Device(at::kCUDA, 0), at::kBFloat16)),
                           config);
  const std::vector<double> times = {0.1, 0.2, 0.4, 0.6, 0.8};
  const at::Tensor negative = model.prepared(at::randn({1, 24}));
  const auto draw = [&](int64_t tokens) {
    const svg::GuidedItem item{model.prepared(at::randn({tokens, 24})), negative, {4, 6}, {}};
    const at::Tensor latent = at::randn({8, 4, 6}).cuda();
    std::vector<at::Tensor> velocities[2];
    for (const bool recorded : {true, false}) {
      const auto guided = model.guide();
      const std::shared_ptr<svg::GraphedSteps> recordings = std::exchange(model.graphed, nullptr);
      if (recorded) model.graphed = recordings;
      const int64_t number = guided->add(item, times);
      for (const double t : times) velocities[recorded].push_back(guided->velocity({{number, latent, {.t = t}}})[0]);
      model.graphed = recordings;
    }
    for (size_t i = 0; i < times.size(); ++i) {
      const double size = velocities[false][i].norm().item<double>();
      EXPECT_CLOSE((velocities[true][i] - velocities[false][i]).norm().item<double>(), 0, 2e-2 * size);
    }
  };
  draw(5);
  draw(9);  // by the same recording
  EXPECT(model.graphed && model.graphed->kept() == 1);
  for (const svg::KernelFault& fault : svg::kernel_faults()) EXPECT(fault.signature.rfind("step graph", 0) != 0);
}

TEST_CASE("gpu: memory that a drawing has given back counts as free") {
  if (skipped("free memory")) return;
  const at::Device device(at::kCUDA, 0);
  at::empty({1}, device);
  const auto before = static_cast<double>(svg::free_memory(device));
  at::empty({static_cast<int64_t>(before / 2)}, at::device(device).dtype(at::kByte));
  EXPECT_CLOSE(static_cast<double>(svg::free_memory(device)) / before, 1, 0.05);
}
