// The diffusion transformer trained by several ranks.
#include <cmath>

#include "check.h"
#include "ranks.h"
#include "tiny_dit.h"
#include "train/dit_step.h"

using svg::DitTrainer;
using svg::ParallelMode;
using svg::ProcessGroup;
using svg::TensorMap;
using svg::test::expect_ranks;
using svg::test::largest_difference;
using svg::test::tiny_built;
using svg::test::tiny_config;
using svg::test::tiny_weights;

namespace {

constexpr int64_t kBatch = 4;
constexpr int kSteps = 3;

svg::DitBatch sample(int64_t step, int64_t index) {
  at::Generator generator = at::detail::createCPUGenerator(static_cast<uint64_t>(1000 * step + index));
  const auto draw = [&](at::IntArrayRef shape) { return at::randn(shape, generator, at::TensorOptions()); };
  const int64_t side = index % 2 == 0 ? 2 : 4;
  return {{draw({8, 2, side})}, {draw({8, 2, side})}, at::rand({1}, generator, at::TensorOptions()), {draw({3, 24})}};
}

struct Mode {
  ParallelMode parallel = ParallelMode::kData;
  at::ScalarType precision = at::kFloat;
  bool recompute = false;
};

std::unique_ptr<DitTrainer> trainer(ProcessGroup* group, const Mode& mode) {
  svg::DitTrainerOptions options;
  options.optimizer.lr = 1e-3;
  options.precision = mode.precision;
  if (mode.recompute) options.runner = svg::recomputed_blocks();
  options.group = group;
  options.sync = {mode.parallel, 20'000};
  return std::make_unique<DitTrainer>(tiny_built, tiny_weights(tiny_config()), options,
                                      at::detail::createCPUGenerator(1));
}

/// Losses of the whole batch, by step, and the norms of the gradients.
std::vector<double> train(DitTrainer& training, ProcessGroup* group, int64_t first_step = 0) {
  const int64_t rank = group ? group->rank() : 0;
  const int64_t share = kBatch / (group ? group->world() : 1);
  std::vector<double> values;
  for (int64_t step = first_step; step < first_step + kSteps; ++step) {
    double sum = 0;
    for (int64_t i = 0; i < share; ++i) {
      const auto losses = training.accumulate(sample(step, rank * share + i), 1.0 / kBatch, i + 1 == share);
      sum += losses[0].item<double>() / kBatch;
    }
    const at::Tensor loss = at::full({1}, sum, at::kDouble);
    if (group) group->all_reduce(loss);
    values.push_back(loss.item<double>());
    values.push_back(training.apply().grad_norm());
  }
  return values;
}

void expect_close(const std::vector<double>& got, const std::vector<double>& wanted, double relative) {
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_CLOSE(got[i], wanted[i], relative * std::abs(wanted[i]));
}

TensorMap clones(const TensorMap& tensors) {
  TensorMap copies;
  for (const auto& [name, tensor] : tensors) copies[name] = tensor.detach().clone();
  return copies;
}

}  // namespace

TEST_CASE("dit_ranks: 1, 2 and 4 ranks have the same losses on the same batch") {
  for (const Mode& mode : {Mode{}, Mode{ParallelMode::kOptimizer, at::kFloat, true},
                           Mode{ParallelMode::kOptimizer, at::kBFloat16, false}}) {
    const auto alone = train(*trainer(nullptr, mode), nullptr);
    for (const int64_t world : {2, 4}) {
      expect_ranks(world, [&](ProcessGroup& group) {
        const auto training = trainer(&group, mode);
        // Sums in another order: 1e-5 in fp32; in bf16 a rounded weight may fall to the other side.
        expect_close(train(*training, &group), alone, mode.precision == at::kFloat ? 1e-5 : 5e-3);
      });
    }
  }
}

TEST_CASE("dit_ranks: state saved by two ranks goes on in one, and in four") {
  const Mode sharded{ParallelMode::kOptimizer, at::kFloat, false};
  TensorMap saved;
  std::vector<double> wanted;
  std::mutex mutex;
  expect_ranks(2, [&](ProcessGroup& group) {
    const auto training = trainer(&group, sharded);
    train(*training, &group);
    {
      const std::lock_guard<std::mutex> lock(mutex);
      for (const auto& [name, tensor] : clones(training->state())) {
        EXPECT(name == "optimizer.step" || !saved.count(name));  // each by one rank
        saved[name] = tensor;
      }
    }
    group.barrier();
    const auto values = train(*training, &group, kSteps);
    if (group.rank() == 0) wanted = values;
  });
  const auto alone = trainer(nullptr, {});
  alone->load_state(saved);
  expect_close(train(*alone, nullptr, kSteps), wanted, 1e-5);
  expect_ranks(4, [&](ProcessGroup& group) {
    const auto training = trainer(&group, sharded);
    training->load_state(saved);
    expect_close(train(*training, &group, kSteps), wanted, 1e-5);
    const TensorMap averages = training->gather_ema();
    EXPECT(averages.size() == (group.rank() == 0 ? training->parameters().size() : 0));
    for (const auto& [name, average] : averages) {
      EXPECT_CLOSE(largest_difference(average, alone->ema().at(name)), 0, 1e-5);
    }
  });
}

TEST_CASE("dit_ranks: resuming in the same world is equal to the bit") {
  std::vector<TensorMap> whole(4), saved(4);
  expect_ranks(4, [&](ProcessGroup& group) {
    const auto training = trainer(&group, {});
    train(*training, &group);
    saved[static_cast<size_t>(group.rank())] = clones(training->state());
    train(*training, &group, kSteps);
    whole[static_cast<size_t>(group.rank())] = clones(training->parameters());
  });
  EXPECT(saved[1].empty() && !saved[0].empty());  // without sharding one rank saves all
  expect_ranks(4, [&](ProcessGroup& group) {
    const auto training = trainer(&group, {});
    training->load_state(saved[0]);
    train(*training, &group, kSteps);
    for (const auto& [name, tensor] : whole[static_cast<size_t>(group.rank())]) {
      EXPECT(at::equal(training->parameters().at(name).detach(), tensor));
    }
  });
}

TEST_CASE("dit_ranks: gradients that are not finite on one rank change nothing on any") {
  for (const ParallelMode parallel : {ParallelMode::kData, ParallelMode::kOptimizer}) {
    expect_ranks(2, [&](ProcessGroup& group) {
      const auto training = trainer(&group, {parallel, at::kFloat, false});
      const TensorMap before = clones(training->parameters());
      svg::DitBatch batch = sample(0, group.rank());
      if (group.rank() == 1) batch.data[0].fill_(INFINITY);
      training->accumulate(batch, 0.5);
      EXPECT(!training->apply().applied());
      for (const auto& [name, tensor] : before) EXPECT(at::equal(training->parameters().at(name).detach(), tensor));
      EXPECT(training->gradients().empty());
    });
  }
}
