#include "bench/count.h"

#include <c10/core/GradMode.h>

#include "bench/count_launches.h"
#include "core/rng.h"
#include "models/guided_pictures.h"
#include "models/next_dit/next_dit.h"
#include "models/next_dit/work.h"
#include "plain/plain_dit.h"
#include "plain/plain_training.h"
#include "train/dit_step.h"

namespace svg {
namespace {

constexpr int64_t kCountedSteps = 50, kHalfBytes = 2;

/// Weights without memory: matrices in bf16, the rest in fp32. Keeps what was asked for, in fp32, by name.
class MetaWeights : public WeightSource {
 public:
  at::Tensor find(const std::string& name, at::IntArrayRef shape, Init, Role role) override {
    asked[name] = at::empty(shape, at::device(at::kMeta).dtype(at::kFloat));
    return role == Role::kMatrix ? asked[name].to(at::kBFloat16) : asked[name];
  }
  std::optional<std::vector<int64_t>> shape_of(const std::string&) const override { return std::nullopt; }
  std::string description() const override { return "no weights"; }

  TensorMap asked;
};

at::Tensor on_meta(at::IntArrayRef shape) { return at::empty(shape, at::device(at::kMeta).dtype(at::kFloat)); }

/// Of the second call: the first one makes what is kept between steps.
OpCounts counted_call(const std::function<void()>& body) {
  {
    const LaunchCount first;
    body();
  }
  const LaunchCount count;
  body();
  return count.operations();
}

Json sides(const OpCounts& ours, const OpCounts& plain, double least) {
  return Json::object().set("ours", json_of(ours)).set("plain", json_of(plain)).set("leastFlops", least);
}

DitBatch counted_batch(const NextDitConfig& config, const CountedLoad& load) {
  DitBatch batch;
  batch.data = {on_meta({config.in_channels, load.cells, load.cells})};
  batch.noise = {on_meta({config.in_channels, load.cells, load.cells})};
  batch.t = on_meta({1});
  batch.conditions = {on_meta({load.tokens, config.caption_dim})};
  return batch;
}

DitTrainerOptions counted_options(bool is_plain) {
  DitTrainerOptions options;
  options.precision = at::kBFloat16;
  if (is_plain) options.losses = plain_flow_matching_losses;
  options.optimizer.fused = !is_plain;
  return options;
}

TensorMap start_of(const NextDitConfig& config) {
  const auto weights = std::make_shared<MetaWeights>();
  NextDit(Weights(weights), config);
  return weights->asked;
}

/// Loss and gradients of one sample.
OpCounts gradients_of(const NextDitConfig& config, const CountedLoad& load, bool is_plain) {
  const c10::AutoGradMode grad(true);  // jobs of the engine run without
  const auto source =
      std::make_shared<TrainableSource>(start_of(config), seeded_generator(0), at::kMeta, at::kBFloat16);
  const NextDit model(Weights(source), config);
  const DitBatch batch = counted_batch(config, load);
  return counted_call([&] {
    for (const auto& entry : source->leaves()) entry.second.mutable_grad() = at::Tensor();
    counted_options(is_plain).losses(model, batch).mean().backward();
  });
}

/// A step of the trainer without those.
OpCounts update_of(const NextDitConfig& config, bool is_plain) {
  const CountedLoad load{1, 1};
  const auto build = [&config](const Weights& weights) { return std::make_unique<NextDit>(weights, config); };
  std::unique_ptr<DitTrainer> trainer;
  {
    const LaunchCount unread;  // for its kernels
    trainer = std::make_unique<DitTrainer>(build, start_of(config), counted_options(is_plain), seeded_generator(0),
                                           at::kMeta);
  }
  const DitBatch batch = counted_batch(config, load);
  const OpCounts step = counted_call([&] {
    trainer->accumulate(batch);
    trainer->apply();
  });
  return difference_of(step, gradients_of(config, load, is_plain));
}

}  // namespace

Json count_sampling(const NextDitConfig& config, const CountedLoad& load) {
  c10::NoGradGuard no_grad;
  const NextDit model(Weights(std::make_shared<MetaWeights>()), config);
  const int64_t cells = load.cells;
  const at::Tensor latent = on_meta({1, config.in_channels, cells, cells});
  const Guidance guidance;
  std::vector<double> times;
  for (int64_t i = 0; i < kCountedSteps; ++i) times.push_back(static_cast<double>(i) / kCountedSteps);
  const auto caption = [&](int64_t tokens) { return on_meta({tokens, config.dim}); };
  const GuidedPictures picture(model, {{caption(load.tokens), caption(1), {cells, cells}, guidance}}, times);
  int64_t step = 0;
  const OpCounts ours = counted_call([&] {
    const double t = times[static_cast<size_t>(step)];
    picture.velocity({latent[0]}, {.t = t, .step = step, .steps = kCountedSteps});
    ++step;
  });

  const at::Tensor features = on_meta({2, load.tokens, config.caption_dim});
  const at::Tensor mask = at::ones({2, load.tokens}, at::kBool);
  mask[1].narrow(0, 1, load.tokens - 1).fill_(false);
  const OpCounts plain = counted_call([&] { plain_guided_velocity(model, latent, 0, features, mask, guidance); });

  const VelocityLoad counted{{{{cells, cells}, load.tokens, 1}}, true, kHalfBytes};
  return sides(ours, plain, next_dit_work(config, counted).flops());
}

Json count_gradients(const NextDitConfig& config, const CountedLoad& load) {
  constexpr double kPasses = 3;  // the gradients of rows and of weights are a product each
  const VelocityLoad counted{{{{load.cells, load.cells}, load.tokens, 0}}, false, kHalfBytes};
  const double forward =
      next_dit_work(config, counted).flops() + next_dit_caption_work(config, load.tokens, kHalfBytes).flops();
  return sides(gradients_of(config, load, /*is_plain=*/false), gradients_of(config, load, /*is_plain=*/true),
               kPasses * forward);
}

Json count_update(const NextDitConfig& config) {
  return sides(update_of(config, /*is_plain=*/false), update_of(config, /*is_plain=*/true), 0);
}

}  // namespace svg
