// The step cache: its rule against the golden case, its decisions, and what a NextDiT makes of them.
#include "diffusion/step_cache.h"

#include <c10/core/GradMode.h>

#include "diffusion/step_cache_rescale.h"
#include "golden.h"
#include "models/guided_forward.h"
#include "tiny_dit.h"

namespace svg::test {
namespace {

constexpr int64_t kSteps = 8;
constexpr RescalePolynomial kPlain = {0, 0, 0, 1, 0};  // the change itself
constexpr double kNever = 1e30;                        // only what must be is computed

SolverTime at_step(int64_t step, int64_t steps = kSteps) {
  return {static_cast<double>(step) / static_cast<double>(steps), step, steps};
}

// Pictures of a tiny model on straight ways, each with a latent of its own for every step.
struct Scene {
  NextDit model = tiny_model(tiny_config());
  at::Tensor negative = model.encode_caption(at::randn({2, 24}));
  at::Tensor from = at::randn({8, 4, 6}), to = at::randn({8, 4, 6});

  GuidedItem item(std::optional<StepCache> cache, Guidance guidance = {}) const {
    return {model.encode_caption(caption), negative, {4, 6}, guidance, cache};
  }
  at::Tensor latent(int64_t step) const { return at::lerp(from, to, at_step(step).t); }

  at::Tensor caption = at::randn({5, 24});
};

std::vector<at::Tensor> whole_way(const Scene& scene, GuidedVelocity& guided, int64_t number) {
  std::vector<at::Tensor> velocities;
  for (int64_t step = 0; step < kSteps; ++step) {
    velocities.push_back(guided.velocity({{number, scene.latent(step), at_step(step)}})[0]);
  }
  return velocities;
}

// First layers alone, then what the main layers added when they last ran, then the final layer.
at::Tensor reused_velocity(const Scene& scene, const at::Tensor& caption, int64_t computed, int64_t now) {
  const NextDit& model = scene.model;
  const TokenGrid grid{4, 6};
  const auto embedded = [&](int64_t step, const ModulationTable& table) {
    return model.embed_images({scene.latent(step)}, model.pack_images({grid}), table);
  };
  const auto table_of = [&](int64_t step) {
    return model.modulation_table(at::full({1}, at_step(step).t, at::kFloat));
  };
  const ModulationTable then = table_of(computed), table = table_of(now);
  const at::Tensor image = embedded(computed, then);
  const Packing rows = model.pack_sequences({caption.size(0)}, {grid});
  const RowSubset subset = model.image_rows(rows, {caption.size(0)});
  const at::Tensor residual = model.run_blocks(at::cat({caption, image}, 0), rows, subset, then) - image;
  return model.unpatchify(model.final_patches(embedded(now, table) + residual, {}, table), grid);
}

}  // namespace

TEST_CASE("step_cache: polynomials have names") {
  EXPECT(rescale_polynomial("none") == kPlain);
  EXPECT(rescale_polynomial("lumina2-v1") == kLumina2First && rescale_polynomial("lumina2-v2") == kLumina2Second);
  EXPECT_ERROR(rescale_polynomial("flux"), ErrorCode::kInvalidArgument, "unknown rescaling of a step cache \"flux\"");
}

TEST_CASE("step_cache: golden case") { expect_golden("step-cache"); }

TEST_CASE("step_cache: changes add up to the threshold; the first and the last step are computed") {
  StepCacheRule rule;
  const StepCache cache{0.3, kPlain};
  std::vector<bool> computed;
  for (int64_t step = 0; step < kSteps; ++step) {
    EXPECT(rule.goes_by_change(at_step(step)) == (step > 0 && step + 1 < kSteps));
    const auto change = rule.goes_by_change(at_step(step)) ? std::optional(0.125) : std::nullopt;
    computed.push_back(rule.decide(cache, at_step(step), change).computes);
  }
  EXPECT(computed == std::vector<bool>({true, false, false, true, false, false, true, true}));
}

TEST_CASE("step_cache: a step after a pause, a change that is no number and an unknown end are computed") {
  StepCacheRule rule;
  const StepCache cache{kNever, kPlain};
  EXPECT(rule.decide(cache, at_step(0), std::nullopt).computes);
  EXPECT(!rule.decide(cache, at_step(1), 0.1).computes);
  EXPECT(!rule.goes_by_change(at_step(3)));
  EXPECT(rule.decide(cache, at_step(3), std::nullopt).computes);
  EXPECT(rule.decide(cache, at_step(4), std::nan("")).computes);
  EXPECT(!rule.goes_by_change({0.5, 5, 0}));
  EXPECT_ERROR(rule.decide(cache, at_step(5), std::nullopt), ErrorCode::kInternal, "given a change");
}

TEST_CASE("step_cache: where nothing is skipped the bits are those without a cache") {
  c10::NoGradGuard no_grad;
  const Scene scene;
  const auto plain = scene.model.guide(), cached = scene.model.guide();
  const int64_t one = plain->add(scene.item({}), {});
  const int64_t other = cached->add(scene.item(StepCache{1e-9, kPlain}), {});
  const auto want = whole_way(scene, *plain, one), got = whole_way(scene, *cached, other);
  for (size_t i = 0; i < want.size(); ++i) EXPECT(at::equal(got[i], want[i]));
  EXPECT(cached->reused(other).conditional == 0 && cached->reused(other).unconditional == 0);
}

TEST_CASE("step_cache: a step that is not computed adds what the layers added at the last one that was") {
  c10::NoGradGuard no_grad;
  const Scene scene;
  const auto guided = scene.model.guide();
  Guidance guidance;
  guidance.mode = GuidanceMode::kStandard;
  const GuidedItem item = scene.item(StepCache{kNever, kPlain}, guidance);
  const int64_t number = guided->add(item, {});
  const auto got = whole_way(scene, *guided, number);
  for (int64_t step = 0; step + 1 < kSteps; ++step) {
    const at::Tensor want = guided_velocity(reused_velocity(scene, item.conditional, 0, step),
                                            reused_velocity(scene, item.unconditional, 0, step), guidance);
    EXPECT_CLOSE(largest_difference(got[static_cast<size_t>(step)], want), 0, 5e-5);
  }
  const VelocityCounts reused = guided->reused(number);
  EXPECT(reused.conditional == kSteps - 2 && reused.unconditional == kSteps - 2);
}

TEST_CASE("step_cache: each picture of a batch decides for itself, as it does alone") {
  c10::NoGradGuard no_grad;
  const Scene scene;
  Guidance interval;
  interval.from = 0.3;
  interval.until = 0.8;
  const std::vector<GuidedItem> items = {scene.item(StepCache{kNever, kPlain}, interval), scene.item({}),
                                         scene.item(StepCache{0.2, kPlain})};
  const std::vector<int64_t> later = {0, 1, 3};  // steps by which each begins after the first
  std::vector<std::vector<at::Tensor>> alone;
  std::vector<VelocityCounts> counts;
  for (const GuidedItem& item : items) {
    const auto guided = scene.model.guide();
    const int64_t number = guided->add(item, {});
    alone.push_back(whole_way(scene, *guided, number));
    counts.push_back(guided->reused(number));
  }
  const auto guided = scene.model.guide();
  std::vector<int64_t> numbers;
  for (const GuidedItem& item : items) numbers.push_back(guided->add(item, {}));
  for (int64_t turn = 0; turn < kSteps + 3; ++turn) {
    std::vector<GuidedQuery> queries;
    std::vector<at::Tensor> want;
    for (size_t i = 0; i < items.size(); ++i) {
      const int64_t step = turn - later[i];
      if (step < 0 || step >= kSteps) continue;
      queries.push_back({numbers[i], scene.latent(step), at_step(step)});
      want.push_back(alone[i][static_cast<size_t>(step)]);
    }
    const auto got = guided->velocity(queries);
    for (size_t k = 0; k < want.size(); ++k) EXPECT_CLOSE(largest_difference(got[k], want[k]), 0, 5e-5);
  }
  for (size_t i = 0; i < items.size(); ++i) {
    const VelocityCounts reused = guided->reused(numbers[i]);
    EXPECT(reused.conditional == counts[i].conditional && reused.unconditional == counts[i].unconditional);
  }
  // Without a condition it is asked at t = 3/8 to 6/8: the first of these four is computed.
  EXPECT(counts[0].conditional == kSteps - 2 && counts[0].unconditional == 3);
  EXPECT(counts[1].conditional == 0 && counts[2].conditional > 0 && counts[2].conditional < kSteps - 2);
}

TEST_CASE("step_cache: an evaluation that failed leaves no trace in the next try") {
  c10::NoGradGuard no_grad;
  Scene scene;
  const auto sound = scene.model.guide(), failing = scene.model.guide();
  const GuidedItem item = scene.item(StepCache{0.2, kPlain});
  const int64_t one = sound->add(item, {}), other = failing->add(item, {});
  const auto want = whole_way(scene, *sound, one);
  for (int64_t step = 0; step < kSteps; ++step) {
    const std::vector<GuidedQuery> queries = {{other, scene.latent(step), at_step(step)}};
    const Linear last = scene.model.final_linear;
    scene.model.final_linear = scene.model.caption_in;
    bool failed = false;
    try {
      failing->velocity(queries);
    } catch (const std::exception&) {
      failed = true;
    }
    EXPECT(failed);
    scene.model.final_linear = last;
    EXPECT(at::equal(failing->velocity(queries)[0], want[static_cast<size_t>(step)]));
  }
}

TEST_CASE("step_cache: what a picture remembers goes with it") {
  c10::NoGradGuard no_grad;
  const Scene scene;
  const auto guided = scene.model.guide();
  const int64_t number = guided->add(scene.item(StepCache{kNever, kPlain}), {});
  whole_way(scene, *guided, number);
  guided->remove(number);
  EXPECT_ERROR(guided->reused(number), ErrorCode::kInternal, "there is no picture");
  const int64_t again = guided->add(scene.item(StepCache{kNever, kPlain}), {});
  EXPECT(guided->reused(again).conditional == 0);
}

TEST_CASE("step_cache: a model without one refuses it") {
  c10::NoGradGuard no_grad;
  const Scene scene;
  const auto plain = guide_by_forward(scene.model, [](const Cells&) {});
  EXPECT_ERROR(plain->add(scene.item(StepCache{0.3}), {}), ErrorCode::kInvalidArgument, "has no step cache");
}

}  // namespace svg::test
