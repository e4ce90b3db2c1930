// The autoencoder trained by several ranks.
#include <c10/core/GradMode.h>

#include <cmath>
#include <limits>
#include <mutex>

#include "check.h"
#include "ranks.h"
#include "tiny_dit.h"
#include "train/autoencoder_step.h"

using namespace svg;
using svg::test::expect_ranks;
using svg::test::largest_difference;

namespace {

constexpr int64_t kBatch = 4;
const PatchDiscriminatorConfig kPatch = {.ndf = 4, .n_layers = 1};

std::shared_ptr<TrainableSource> source(uint64_t seed) {
  return std::make_shared<TrainableSource>(TensorMap{}, at::detail::createCPUGenerator(seed));
}

AutoencoderTrainer::Options options(ProcessGroup* group, ParallelMode mode, int64_t disc_start) {
  AutoencoderTrainer::Options options;
  options.loss.perceptual_weight = 0;
  options.loss.disc_start = disc_start;
  options.optimizer.lr = 1e-3;
  options.ema.decay = 0.5;
  options.group = group;
  options.sync = {mode, 500};
  return options;
}

/// Two convolutions, the last one under the decoder's name, against a small discriminator.
struct Fixture {
  Fixture(ProcessGroup* group, ParallelMode mode, int64_t disc_start)
      : generator(source(1)),
        adversary(source(2)),
        first(Weights(generator).get("decoder.conv_in.weight", {8, 3, 3, 3}, Init::normal(0.2))),
        last(Weights(generator).get("decoder.conv_out.weight", {3, 8, 1, 1}, Init::normal(0.2))),
        trainer(generator, last, AutoencoderTrainer::Adversary{adversary, kPatch}, {},
                options(group, mode, disc_start)) {}

  void accumulate(const at::Tensor& image, double share, bool is_last) {
    const c10::AutoGradMode grad(true);
    const at::Tensor hidden = at::conv2d(image, first, {}, 1, 1).tanh();
    trainer.accumulate({image}, {at::conv2d(hidden, last)}, share, is_last);
  }

  std::shared_ptr<TrainableSource> generator, adversary;
  at::Tensor first, last;
  AutoencoderTrainer trainer;
};

at::Tensor image(int64_t step, int64_t index) {
  const at::Generator generator = at::detail::createCPUGenerator(static_cast<uint64_t>(100 * step + index));
  return at::rand({1, 3, 16, 16}, generator, at::TensorOptions()) * 2 - 1;
}

/// This rank's part of steps [begin, end), an image at a time.
std::vector<AutoencoderStepResult> train(Fixture& fixture, const ProcessGroup* group, int64_t begin, int64_t end) {
  const int64_t rank = group ? group->rank() : 0, share = kBatch / (group ? group->world() : 1);
  std::vector<AutoencoderStepResult> results;
  for (int64_t step = begin; step < end; ++step) {
    for (int64_t i = 0; i < share; ++i) {
      fixture.accumulate(image(step, rank * share + i), 1.0 / kBatch, i + 1 == share);
    }
    results.push_back(fixture.trainer.apply().read());
  }
  return results;
}

void expect_close(const std::vector<AutoencoderStepResult>& got, const std::vector<AutoencoderStepResult>& wanted) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto expect = [](double value, double want) { EXPECT_CLOSE(value, want, 1e-4 * std::abs(want) + 1e-7); };
    const std::vector<double> values = got[i].losses.values(), want = wanted[i].losses.values();
    EXPECT(values.size() == want.size() && want.size() == 9);
    for (size_t k = 0; k < want.size(); ++k) expect(values[k], want[k]);
    expect(got[i].grad_norm, wanted[i].grad_norm);
    EXPECT(got[i].applied == wanted[i].applied);
  }
}

TensorMap clones(const TensorMap& tensors) {
  TensorMap copies;
  for (const auto& [name, tensor] : tensors) copies[name] = tensor.detach().clone();
  return copies;
}

}  // namespace

TEST_CASE("autoencoder_ranks: 1, 2 and 4 ranks have the same losses on the same batch, image by image") {
  Fixture alone(nullptr, ParallelMode::kData, /*disc_start=*/3);
  const auto wanted = train(alone, nullptr, 0, 4);
  EXPECT(wanted.back().losses.at("discriminator") > 0);
  for (const ParallelMode mode : {ParallelMode::kData, ParallelMode::kOptimizer}) {
    for (const int64_t world : {2, 4}) {
      std::vector<TensorMap> trained(static_cast<size_t>(world));
      expect_ranks(world, [&](ProcessGroup& group) {
        Fixture fixture(&group, mode, 3);
        expect_close(train(fixture, &group, 0, 4), wanted);
        TensorMap& parameters = trained[static_cast<size_t>(group.rank())];
        parameters = clones(fixture.generator->parameters());
        for (const auto& [name, tensor] : clones(fixture.adversary->parameters())) parameters[name] = tensor;
        const TensorMap averages = fixture.trainer.gather_ema();
        EXPECT(averages.size() == (group.rank() == 0 ? 2 : 0));
        for (const auto& [name, average] : averages) {
          EXPECT_CLOSE(largest_difference(average, alone.trainer.gather_ema().at(name)), 0, 1e-4);
        }
      });
      for (const TensorMap& parameters : trained) {
        for (const auto& [name, tensor] : parameters) EXPECT(at::equal(tensor, trained[0].at(name)));
      }
    }
  }
}

TEST_CASE("autoencoder_ranks: state saved by two ranks goes on in one") {
  for (const ParallelMode mode : {ParallelMode::kData, ParallelMode::kOptimizer}) {
    TensorMap saved;
    std::vector<AutoencoderStepResult> wanted;
    std::mutex mutex;
    expect_ranks(2, [&](ProcessGroup& group) {
      Fixture fixture(&group, mode, 3);
      train(fixture, &group, 0, 2);
      {
        const std::lock_guard<std::mutex> lock(mutex);
        for (const auto& [name, tensor] : clones(fixture.trainer.state())) {
          EXPECT(name.rfind("optimizer.", 0) == 0 || !saved.count(name));  // each by one rank
          saved[name] = tensor;
        }
      }
      const auto results = train(fixture, &group, 2, 4);
      if (group.rank() == 0) wanted = results;
    });
    Fixture alone(nullptr, ParallelMode::kData, 3);
    alone.trainer.load_state(saved);
    expect_close(train(alone, nullptr, 2, 4), wanted);
  }
}

TEST_CASE("autoencoder_ranks: a loss that is not finite on one rank changes nothing on any") {
  for (const ParallelMode mode : {ParallelMode::kData, ParallelMode::kOptimizer}) {
    expect_ranks(2, [&](ProcessGroup& group) {
      Fixture fixture(&group, mode, 0);
      train(fixture, &group, 0, 1);
      const TensorMap before = clones(fixture.trainer.state());
      const double broken = group.rank() == 1 ? std::numeric_limits<double>::infinity() : 0;
      fixture.accumulate(image(1, 0) + broken, 0.25, false);
      fixture.accumulate(image(1, group.rank()), 0.25, true);
      EXPECT(!fixture.trainer.apply().read().applied);
      for (const auto& [name, tensor] : fixture.trainer.state()) EXPECT(at::equal(tensor.detach(), before.at(name)));
      EXPECT(train(fixture, &group, 1, 2)[0].applied);
    });
  }
}
