// A step of the sampler reads no value on the host: on a GPU each would wait for all that was given before.
#include <c10/core/GradMode.h>

#include "check.h"
#include "core/rng.h"
#include "engine/sampling_batch.h"
#include "host_reads.h"
#include "models/next_dit/graphed_steps.h"
#include "tiny_dit.h"

using namespace svg;
using svg::test::host_reads;

namespace {

PicturesToSample two_pictures(const NextDit& model, const std::string& solver, const std::string& schedule) {
  PicturesToSample wanted;
  wanted.solver = SamplerOptions::from_json(Json::parse(solver));
  Guidance guidance;  // renorm: the norms of velocities are compared on the device
  guidance.schedule = GuidanceSchedule::parse(schedule);
  for (const int64_t seed : {1, 2}) {
    wanted.items.push_back(
        {model.prepared(at::randn({seed + 2, 24})), model.prepared(at::randn({1, 24})), {4, 6}, guidance});
    wanted.noise.push_back(seeded_noise(seed, {8, 4, 6}));
  }
  return wanted;
}

}  // namespace

TEST_CASE("host waits: the observer finds what reads a value") {
  const at::Tensor x = at::ones({2});
  EXPECT(!host_reads([&] { x.sum().item<float>(); }).empty());
  EXPECT(host_reads([&] { x.sum(); }).empty());
}

TEST_CASE("host waits: no step of a solver on a fixed grid reads a value, recorded or not") {
  const c10::NoGradGuard no_grad;
  const NextDit model = test::tiny_model(test::tiny_config());
  const std::atomic<bool> never{false};
  for (const bool recorded : {false, true}) {
    if (recorded) model.graphed = std::make_shared<GraphedSteps>(repeated_step);
    for (const char* solver : {R"({"steps": 6, "order": 3})", R"({"steps": 6, "method": "singlestep"})",
                               R"({"name": "euler", "steps": 6})", R"({"name": "rk4", "steps": 4})"}) {
      for (const char* schedule : {"constant", "linear", "cfg_star-1-0.5"}) {
        SamplingBatch batch(model);
        int told = 0;
        const auto on_step = [&](const SolverProgress&, size_t, const std::vector<at::Tensor>&) { ++told; };
        SamplingTask task(batch.guided(), two_pictures(model, solver, schedule), on_step, never);
        for (int step = 0; !task.done(); ++step) {
          const auto once = [&] { EXPECT(batch.step({&task})[0] == nullptr); };
          if (recorded && step < 5) {
            once();  // shapes that are new are recorded, and the first replay is held against the step itself
            continue;
          }
          const std::vector<std::string> found = host_reads(once);
          if (!found.empty()) throw test::Failure{concat("step ", step, " of ", solver, " calls ", found[0])};
        }
        EXPECT(told >= 2);
      }
    }
  }
}

TEST_CASE("host waits: pictures that recordings draw are those that are drawn without") {
  const c10::NoGradGuard no_grad;
  const NextDit model = test::tiny_model(test::tiny_config());
  const std::atomic<bool> never{false};
  at::manual_seed(4);
  const PicturesToSample pictures = two_pictures(model, R"({"steps": 8})", "linear");
  std::vector<at::Tensor> drawn[2];
  for (const bool recorded : {false, true}) {
    if (recorded) model.graphed = std::make_shared<GraphedSteps>(repeated_step);
    SamplingBatch batch(model);
    SamplingTask task(batch.guided(), pictures, {}, never);
    while (!task.done()) EXPECT(batch.step({&task})[0] == nullptr);
    const SampledLatents sampled = task.result();
    drawn[recorded] = sampled.latents;
    EXPECT(sampled.model_seconds > 0);
  }
  EXPECT(model.graphed->kept() >= 1);
  for (size_t i = 0; i < 2; ++i) EXPECT_CLOSE(test::largest_difference(drawn[0][i], drawn[1][i]), 0, 1e-3);
}
