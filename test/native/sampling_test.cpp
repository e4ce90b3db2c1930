// Pictures of several jobs that share their evaluations: each is what it is alone, and comes and goes by itself.
#include <c10/core/GradMode.h>

#include <set>

#include "analytic_model.h"
#include "check.h"
#include "core/cancel.h"
#include "core/rng.h"
#include "engine/sampling_batch.h"
#include "tiny_dit.h"

using namespace svg;
using svg::test::AnalyticModel;
using svg::test::Script;

namespace {

PicturesToSample pictures(const std::string& solver, const std::vector<Cells>& cells, int64_t seed) {
  PicturesToSample wanted;
  wanted.solver = SamplerOptions::from_json(Json::parse(solver));
  for (const Cells& size : cells) {
    wanted.items.push_back({at::zeros({1}), at::zeros({1}), size});
    wanted.noise.push_back(seeded_noise(seed++, {2, size.rows, size.columns}));
  }
  return wanted;
}

const std::atomic<bool> kNever{false};

/// Steps `tasks` to their ends; those that fail are left out, and their errors returned.
std::vector<std::pair<size_t, Error>> run(SamplingBatch& batch, std::vector<SamplingTask*> tasks,
                                          const std::function<void()>& between = {}) {
  std::vector<std::pair<size_t, Error>> failed;
  std::set<size_t> gone;
  while (true) {
    std::vector<SamplingTask*> present;
    std::vector<size_t> places;
    for (size_t i = 0; i < tasks.size(); ++i) {
      if (gone.count(i) || tasks[i]->done()) continue;
      present.push_back(tasks[i]);
      places.push_back(i);
    }
    if (present.empty()) return failed;
    const SamplingBatch::Failures failures = batch.step(present);
    for (size_t k = 0; k < present.size(); ++k) {
      if (!failures[k]) continue;
      gone.insert(places[k]);
      try {
        std::rethrow_exception(failures[k]);
      } catch (const Error& error) {
        failed.emplace_back(places[k], error);
      }
    }
    if (between) between();
  }
}

const std::vector<PicturesToSample>& mixed() {
  static const std::vector<PicturesToSample> all = {
      pictures(R"({"steps": 9, "order": 3})", {{2, 3}, {2, 3}}, 1),
      pictures(R"({"steps": 5, "method": "singlestep", "shift": 4})", {{1, 1}}, 3),
      pictures(R"({"name": "euler", "steps": 4})", {{4, 2}, {1, 5}}, 4),
      pictures(R"({"name": "rk4", "steps": 3})", {{3, 3}}, 6),
      pictures(R"({"name": "dopri5"})", {{2, 2}, {2, 5}}, 7),
      pictures(R"({"name": "bosh3", "rtol": 1e-2})", {{1, 2}}, 9)};
  return all;
}

}  // namespace

TEST_CASE("sampling: jobs that share their evaluations draw the bits that each draws alone") {
  c10::NoGradGuard no_grad;
  Script script;
  const AnalyticModel model(script);
  SamplingBatch batch(model);
  std::vector<std::unique_ptr<SamplingTask>> tasks;
  std::vector<SamplingTask*> all;
  for (const PicturesToSample& wanted : mixed()) {
    tasks.push_back(std::make_unique<SamplingTask>(batch.guided(), wanted, SampleStepFn(), kNever));
    all.push_back(tasks.back().get());
  }
  EXPECT(run(batch, all).empty());
  EXPECT(script.evaluations.front() == 9 && script.evaluations.back() < 9);
  for (size_t i = 0; i < tasks.size(); ++i) {
    const SampledLatents together = tasks[i]->result();
    for (size_t k = 0; k < mixed()[i].items.size(); ++k) {
      PicturesToSample one = mixed()[i];
      one.items = {one.items[k]};
      one.noise = {one.noise[k]};
      SamplingBatch own(model);
      SamplingTask alone(own.guided(), one, SampleStepFn(), kNever);
      EXPECT(run(own, {&alone}).empty());
      EXPECT(at::equal(alone.result().latents[0], together.latents[k]));
      EXPECT(alone.result().evaluations[0].conditional == together.evaluations[k].conditional);
    }
  }
}

TEST_CASE("sampling: a picture with a network is the one that it is alone, beside others of every sort") {
  c10::NoGradGuard no_grad;
  const NextDit model = test::tiny_model(test::tiny_config());
  const at::Tensor none = model.encode_caption(at::randn({1, 24}));
  Guidance renorm, plain, early;
  renorm.until = 0.6;
  plain.scale = 1;
  early.mode = GuidanceMode::kStandard;
  early.schedule = GuidanceSchedule::parse("early-0.3");
  std::vector<PicturesToSample> wanted;
  const auto add = [&](const char* solver, const std::vector<Cells>& cells, const Guidance& guidance) {
    PicturesToSample one;
    one.solver = SamplerOptions::from_json(Json::parse(solver));
    for (const Cells& size : cells) {
      const auto tokens = static_cast<int64_t>(2 + 3 * wanted.size());
      one.items.push_back({model.encode_caption(at::randn({tokens, 24})), none, size, guidance});
      one.noise.push_back(at::randn({8, size.rows, size.columns}));
    }
    wanted.push_back(std::move(one));
  };
  add(R"({"steps": 6, "shift": 10})", {{4, 4}, {4, 4}}, renorm);
  add(R"({"name": "heun", "steps": 4})", {{2, 5}}, plain);
  add(R"({"name": "euler", "steps": 9, "shift": 6})", {{3, 3}}, early);
  add(R"({"name": "adaptive_heun", "rtol": 0.1, "atol": 0.1})", {{2, 2}, {4, 1}}, renorm);
  SamplingBatch batch(model);
  std::vector<std::unique_ptr<SamplingTask>> tasks;
  std::vector<SamplingTask*> all;
  for (const PicturesToSample& one : wanted) {
    tasks.push_back(std::make_unique<SamplingTask>(batch.guided(), one, SampleStepFn(), kNever));
    all.push_back(tasks.back().get());
  }
  EXPECT(run(batch, all).empty());
  for (size_t i = 0; i < wanted.size(); ++i) {
    SamplingBatch own(model);
    SamplingTask alone(own.guided(), wanted[i], SampleStepFn(), kNever);
    EXPECT(run(own, {&alone}).empty());
    const SampledLatents one = alone.result(), together = tasks[i]->result();
    for (size_t k = 0; k < one.latents.size(); ++k) {
      const double size = one.latents[k].abs().max().item<double>();
      EXPECT_CLOSE(test::largest_difference(one.latents[k], together.latents[k]) / size, 0, 1e-3);
      EXPECT(one.evaluations[k].unconditional == together.evaluations[k].unconditional);
    }
  }
}

TEST_CASE("sampling: a short job that joins a long one is done first, and steps tell whose they are") {
  c10::NoGradGuard no_grad;
  Script script;
  const AnalyticModel model(script);
  SamplingBatch batch(model);
  std::vector<std::string> told;
  const auto tell = [&told](const char* name) {
    return [&told, name](const SolverProgress& done, size_t first, const std::vector<at::Tensor>& predicted) {
      told.push_back(concat(name, first, ":", done.step, predicted.size() == 1 ? "" : "+"));
    };
  };
  SamplingTask long_one(batch.guided(), pictures(R"({"name": "euler", "steps": 6})", {{1, 1}, {1, 2}}, 1), tell("long"),
                        kNever);
  EXPECT(!batch.step({&long_one})[0]);
  SamplingTask short_one(batch.guided(), pictures(R"({"name": "euler", "steps": 3})", {{2, 2}}, 3), tell("short"),
                         kNever);
  EXPECT(run(batch, {&long_one, &short_one}).empty());
  EXPECT(told == std::vector<std::string>(
                     {"long0:1+", "long0:2+", "short0:1", "long0:3+", "short0:2", "long0:4+", "long0:5+"}));
  told.clear();
  SamplingTask adaptive(batch.guided(), pictures(R"({"name": "dopri5"})", {{1, 1}, {1, 2}}, 4), tell("own"), kNever);
  EXPECT(run(batch, {&adaptive}).empty());
  EXPECT(told[0] == "own0:1" && told[1] == "own1:1");
}

TEST_CASE("sampling: cancelling or failing ends one job alone, at its next step") {
  c10::NoGradGuard no_grad;
  Script script;
  const AnalyticModel model(script);
  SamplingBatch batch(model);
  std::atomic<bool> cancelled{false};
  int steps = 0;
  const SampleStepFn fail = [&](const SolverProgress& done, size_t, const std::vector<at::Tensor>&) {
    if (done.step == 3) throw Error(ErrorCode::kIo, "no room for the preview");
  };
  const char* solver = R"({"name": "euler", "steps": 8})";
  SamplingTask whole(batch.guided(), pictures(solver, {{1, 1}}, 1), {}, kNever);
  SamplingTask dropped(batch.guided(), pictures(solver, {{2, 1}}, 2), {}, cancelled);
  SamplingTask failing(batch.guided(), pictures(solver, {{3, 1}}, 3), fail, kNever);
  const auto failed = run(batch, {&whole, &dropped, &failing}, [&] { cancelled = ++steps == 2 || cancelled; });
  EXPECT(failed.size() == 2 && failed[0].first + failed[1].first == 3);
  for (const auto& [task, error] : failed) {
    EXPECT(error.code() == (task == 1 ? ErrorCode::kCancelled : ErrorCode::kIo));
  }
  EXPECT(script.evaluations == std::vector<size_t>({3, 3, 2, 1, 1, 1, 1}) && whole.done());
}

TEST_CASE("sampling: where a joint evaluation fails each job is tried alone, and memory is not overrun twice") {
  c10::NoGradGuard no_grad;
  Script script;
  const AnalyticModel model(script);
  SamplingBatch batch(model);
  const char* solver = R"({"name": "euler", "steps": 3})";
  std::vector<std::unique_ptr<SamplingTask>> tasks;
  std::vector<SamplingTask*> all;
  for (const int64_t rows : {2, 2, 3}) {
    tasks.push_back(
        std::make_unique<SamplingTask>(batch.guided(), pictures(solver, {{rows, 1}}, rows), SampleStepFn(), kNever));
    all.push_back(tasks.back().get());
  }
  script.before = [](const std::vector<GuidedQuery>& queries) {
    int64_t cells = 0;
    for (const GuidedQuery& query : queries) cells += query.latent.size(1);
    if (cells > 4) throw Error(ErrorCode::kOutOfMemory, "out of memory");
    if (queries.back().latent.size(1) == 3) throw Error(ErrorCode::kInternal, "a size that it does not like");
  };
  const auto failed = run(batch, all);
  EXPECT(failed.size() == 1 && failed[0].first == 2 && failed[0].second.code() == ErrorCode::kInternal);
  EXPECT(script.evaluations == std::vector<size_t>({3, 1, 1, 1, 1, 1}) && tasks[0]->done() && tasks[1]->done());
}

TEST_CASE("sampling: after one that found no memory fewer share an evaluation, and later all again") {
  c10::NoGradGuard no_grad;
  Script script;
  const AnalyticModel model(script);
  SamplingBatch batch(model);
  const char* solver = R"({"name": "euler", "steps": 60})";
  SamplingTask one(batch.guided(), pictures(solver, {{2, 1}}, 1), {}, kNever);
  SamplingTask other(batch.guided(), pictures(solver, {{2, 1}}, 2), {}, kNever);
  script.before = [&](const std::vector<GuidedQuery>&) {
    if (script.evaluations.size() == 1) throw Error(ErrorCode::kOutOfMemory, "out of memory");
  };
  EXPECT(run(batch, {&one, &other}).empty());
  EXPECT(script.evaluations[1] == 1 && script.evaluations[20] == 1 && script.evaluations.back() == 2);
}

TEST_CASE("sampling: what fails only where it is shared is not tried so at every step") {
  c10::NoGradGuard no_grad;
  Script script;
  const AnalyticModel model(script);
  SamplingBatch batch(model);
  const char* solver = R"({"name": "euler", "steps": 6})";
  SamplingTask one(batch.guided(), pictures(solver, {{2, 1}}, 1), {}, kNever);
  SamplingTask other(batch.guided(), pictures(solver, {{2, 1}}, 2), {}, kNever);
  script.before = [](const std::vector<GuidedQuery>& queries) {
    if (queries.size() > 1) throw Error(ErrorCode::kInternal, "it cannot be shared");
  };
  EXPECT(run(batch, {&one, &other}).empty());
  EXPECT(script.evaluations.size() == 11 && script.evaluations[0] == 2);
}

TEST_CASE("sampling: an evaluation is broken off where all who share it are cancelled") {
  c10::NoGradGuard no_grad;
  Script script;
  const AnalyticModel model(script);
  SamplingBatch batch(model);
  std::atomic<bool> first{false}, second{false};
  const char* solver = R"({"name": "euler", "steps": 3})";
  SamplingTask one(batch.guided(), pictures(solver, {{1, 1}}, 1), {}, first);
  SamplingTask other(batch.guided(), pictures(solver, {{2, 1}}, 2), {}, second);
  int layers = 0;
  script.before = [&](const std::vector<GuidedQuery>&) {
    first = true;
    check_cancelled();
    ++layers;
    second = true;
    check_cancelled();
    ++layers;
  };
  const auto failed = run(batch, {&one, &other});
  EXPECT(layers == 1 && failed.size() == 2 && script.evaluations.size() == 1);
  for (const auto& [_, error] : failed) EXPECT(error.code() == ErrorCode::kCancelled);
}

TEST_CASE("sampling: latents that are not finite are refused") {
  c10::NoGradGuard no_grad;
  Script script;
  const AnalyticModel model(script);
  SamplingBatch batch(model);
  PicturesToSample wanted = pictures(R"({"name": "euler", "steps": 2})", {{1, 1}}, 1);
  wanted.noise[0] = wanted.noise[0] * std::nan("");
  SamplingTask task(batch.guided(), wanted, {}, kNever);
  EXPECT(run(batch, {&task}).empty());
  EXPECT_ERROR(task.result(), ErrorCode::kNumeric, "NaN or infinity");
}
