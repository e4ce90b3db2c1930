#include <cmath>
#include <set>

#include "core/rng.h"
#include "diffusion/ode.h"
#include "diffusion/sampler.h"
#include "golden.h"

namespace svg::test {
namespace {

at::Tensor analytic(const at::Tensor& x, const SolverTime& when) { return std::sin(3 * when.t) * x + x.cos(); }

SamplerOptions options_of(const std::string& json) { return SamplerOptions::from_json(Json::parse(json)); }

// The end of the analytic velocity's path, by many small steps.
at::Tensor reference_end(const at::Tensor& noise) {
  return sample(options_of(R"({"name": "rk4", "steps": 400})"), noise, analytic);
}

double error_of(const std::string& json) {
  const at::Tensor noise = seeded_noise(11, {2, 5});
  return (sample(options_of(json), noise, analytic) - reference_end(noise)).abs().max().item<double>();
}

}  // namespace

TEST_CASE("solver: golden cases") {
  for (const char* name : {"dopri5", "dpm-1m", "dpm-2m-50", "dpm-2m-shift10", "dpm-3m", "dpm-quadratic",
                           "dpm-singlestep", "euler", "heun", "midpoint", "rk4"}) {
    expect_golden(std::string("solver-") + name);
  }
}

TEST_CASE("solver: the velocity is asked at the announced times, once each") {
  for (const char* json :
       {R"({"steps": 1, "order": 3})", R"({"steps": 2, "order": 2, "shift": 10})", R"({"steps": 9, "order": 3})",
        R"({"steps": 7, "method": "singlestep", "order": 2, "shift": 4})",
        R"({"steps": 9, "method": "singlestep", "order": 3, "skip_type": "logSNR"})",
        R"({"steps": 8, "method": "singlestep", "order": 3, "skip_type": "time_quadratic"})",
        R"({"steps": 6, "skip_type": "time_uniform"})", R"({"name": "euler", "steps": 5, "shift": 6})",
        R"({"name": "heun", "steps": 4})", R"({"name": "heun3", "steps": 4})", R"({"name": "midpoint", "steps": 3})",
        R"({"name": "rk4", "steps": 3, "shift": 2})"}) {
    const SamplerOptions options = options_of(json);
    const std::vector<double> want = model_times(options);
    std::vector<double> got;
    SolverProgress last;
    sample(
        options, seeded_noise(1, {2, 3}),
        [&](const at::Tensor& x, const SolverTime& when) {
          got.push_back(when.t);
          return analytic(x, when);
        },
        [&](const SolverProgress& progress, SolverState&) { last = progress; });
    EXPECT(got == want);
    if (options.name == "dpm++") EXPECT(static_cast<int64_t>(got.size()) == options.steps);
    EXPECT(last.step == last.steps && last.t >= 0.999);
  }
}

TEST_CASE("solver: every spacing and order comes to the same end") {
  for (const char* method : {"multistep", "singlestep"}) {
    for (const char* spacing : {"time_uniform_flow", "time_uniform", "time_quadratic", "logSNR"}) {
      for (const int order : {1, 2, 3}) {
        const std::string json = concat(R"({"steps": 120, "order": )", order, R"(, "method": ")", method,
                                        R"(", "skip_type": ")", spacing, R"("})");
        EXPECT_CLOSE(error_of(json), 0, order == 1 ? 0.08 : 0.03);
      }
    }
  }
}

TEST_CASE("solver: fixed grids converge with their order") {
  struct Method {
    const char* name;
    int order, intervals;  // few enough that rounding does not hide the order
  };
  for (const auto& [name, order, intervals] : {Method{"euler", 1, 40}, Method{"midpoint", 2, 20}, Method{"heun", 2, 20},
                                               Method{"heun3", 3, 8}, Method{"rk4", 4, 5}}) {
    const double coarse = error_of(concat(R"({"name": ")", name, R"(", "steps": )", intervals + 1, "}"));
    const double fine = error_of(concat(R"({"name": ")", name, R"(", "steps": )", 2 * intervals + 1, "}"));
    EXPECT_CLOSE(std::log2(coarse / fine), order, 0.6);
  }
}

TEST_CASE("solver: all evaluations of a step know its number") {
  for (const char* json : {R"({"name": "heun", "steps": 5})", R"({"name": "rk4", "steps": 3})", R"({"steps": 6})",
                           R"({"steps": 7, "method": "singlestep", "order": 3})", R"({"name": "bosh3"})"}) {
    const SamplerOptions options = options_of(json);
    int64_t done = 0, asked = 0;
    sample(
        options, seeded_noise(1, {2, 3}),
        [&](const at::Tensor& x, const SolverTime& when) {
          ++asked;
          EXPECT(when.step == done);
          EXPECT(options.adaptive() ? when.steps == 0 : when.step < when.steps);
          return analytic(x, when);
        },
        [&](const SolverProgress& progress, SolverState&) { EXPECT(progress.step == ++done); });
    EXPECT(done > 0 && asked >= done);
  }
}

TEST_CASE("solver: from a start in the middle every grid comes to the end of the whole path") {
  const at::Tensor noise = seeded_noise(11, {2, 5});
  // The state at 0.4, by many small steps: the times up to there, as those of a velocity that stands still after it.
  const double start = 0.4;
  const auto until_start = [&](const at::Tensor& x, const SolverTime& when) {
    return start * analytic(x, {start * when.t, when.step, when.steps});
  };
  const at::Tensor middle = sample(options_of(R"({"name": "rk4", "steps": 400})"), noise, until_start);
  const at::Tensor end = reference_end(noise);
  const auto error = [&](const std::string& json) {
    const SamplerOptions options = options_of(json);
    EXPECT(options.start == start);
    if (!options.adaptive()) EXPECT_CLOSE(model_times(options).front(), start, 1e-7);
    return (sample(options, middle, analytic) - end).abs().max().item<double>();
  };
  struct Method {
    const char* name;
    int order, intervals;
  };
  for (const auto& [name, order, intervals] :
       {Method{"euler", 1, 40}, Method{"midpoint", 2, 16}, Method{"heun", 2, 16}, Method{"heun3", 3, 6}}) {
    for (const int shift : {1, 3}) {
      const auto of = [&](int count) {
        return error(
            concat(R"({"start": 0.4, "name": ")", name, R"(", "shift": )", shift, R"(, "steps": )", count + 1, "}"));
      };
      EXPECT_CLOSE(std::log2(of(intervals) / of(2 * intervals)), order, 0.6);
    }
  }
  EXPECT_CLOSE(error(R"({"start": 0.4, "name": "rk4", "steps": 20})"), 0, 1e-4);
  EXPECT_CLOSE(error(R"({"start": 0.4, "name": "dopri5", "rtol": 1e-6})"), 0, 1e-4);
  for (const char* method : {"multistep", "singlestep"}) {
    for (const char* spacing : {"time_uniform_flow", "time_uniform", "time_quadratic", "logSNR"}) {
      const auto of = [&](int steps) {
        return error(concat(R"({"start": 0.4, "order": 2, "method": ")", method, R"(", "skip_type": ")", spacing,
                            R"(", "shift": 3, "steps": )", steps, "}"));
      };
      EXPECT(of(120) < 0.01 && of(120) < of(12));
    }
  }
}

TEST_CASE("solver: a start is within the path and the spacing") {
  EXPECT_ERROR(options_of(R"({"start": 1})"), ErrorCode::kInvalidArgument, "start is 1");
  EXPECT_ERROR(options_of(R"({"start": -0.1})"), ErrorCode::kInvalidArgument, "start is -0.1");
  EXPECT_ERROR(model_times(options_of(R"({"start": 0.9999, "skip_type": "time_uniform"})")),
               ErrorCode::kInvalidArgument, "start is 0.9999");
  EXPECT_ERROR(model_times(options_of(R"({"name": "euler", "start": 0.9, "end": 0.8})")), ErrorCode::kInvalidArgument,
               "start is 0.9");
  EXPECT_CLOSE(ode_grid(5, 1, 0.2, 0.8)[3], 0.65, 1e-6);
  const std::vector<double> times = model_times(options_of(R"({"start": 0.9999, "steps": 3, "shift": 10})"));
  EXPECT(times.size() == 3 && times[0] < times[1] && times[1] < times[2] && times[2] < 1);
}

TEST_CASE("solver: an edited state is what the next step sees, and after the last step the result") {
  for (const char* name : {"dpm++", "euler", "heun", "rk4", "dopri5", "bosh3"}) {
    const SamplerOptions options = options_of(concat(R"({"name": ")", name, R"(", "steps": 6})"));
    at::Tensor put;
    int64_t step = 0, seen = 0;
    const at::Tensor result = sample(
        options, seeded_noise(1, {2, 3}),
        [&](const at::Tensor& x, const SolverTime& when) {
          if (when.step == step && step > 0 && put.defined()) {
            EXPECT(at::equal(x, put));  // the first evaluation of the step
            put = at::Tensor();
            ++seen;
          }
          return analytic(x, when);
        },
        [&](const SolverProgress& progress, SolverState& state) {
          step = progress.step;
          put = state.x() + 0.1;
          state.replace(put);
        });
    EXPECT(at::equal(result, put));
    EXPECT(seen == step - 1);
  }
}

TEST_CASE("solver: a state that forgets starts dpm++ anew, one that keeps its history goes on") {
  const at::Tensor noise = seeded_noise(3, {4});
  const auto run = [&](const char* json, const std::function<void(int64_t, SolverState&)>& edit) {
    return sample(options_of(json), noise, analytic,
                  [&](const SolverProgress& done, SolverState& state) { edit(done.step, state); });
  };
  const char* second = R"({"steps": 8, "order": 2})";
  const at::Tensor plain = run(second, [](int64_t, SolverState&) {});
  const auto same = [](int64_t, SolverState& state) { state.replace(state.x(), SolverState::History::kKeep); };
  const auto forget = [](int64_t, SolverState& state) { state.replace(state.x()); };
  EXPECT(at::equal(run(second, same), plain));
  const at::Tensor first = run(R"({"steps": 8, "order": 1})", [](int64_t, SolverState&) {});
  EXPECT(at::equal(run(second, forget), first) && !at::equal(first, plain));
}

TEST_CASE("solver: a state of another shape is refused") {
  const auto wrong = [](const SolverProgress&, SolverState& state) { state.replace(at::zeros({7})); };
  EXPECT_ERROR(sample(options_of(R"({"name": "euler", "steps": 3})"), seeded_noise(1, {3}), analytic, wrong),
               ErrorCode::kInvalidArgument, "shape [7]");
}

TEST_CASE("solver: the table lists each by one name and what it takes") {
  std::set<std::string> names;
  for (const SolverKind& kind : solver_kinds()) {
    EXPECT(names.insert(kind.name).second && !kind.title.empty() && !kind.fields.empty());
    EXPECT(find_solver(kind.name).name == kind.name);
    for (const std::string& alias : kind.aliases) EXPECT(find_solver(alias).name == kind.name);
  }
  const Json rows = solver_rows();
  EXPECT(rows.as_array().size() == names.size());
  EXPECT(rows.as_array()[0].at("name").as_string() == "dpm++" && rows.as_array()[0].at("shift").as_double() == 10);
  EXPECT(options_of(R"({"name": "heun2"})").name == "heun");
}

TEST_CASE("solver: runs that wait for one another come to the bits that each comes to alone") {
  struct Waiting {
    SamplerOptions options;
    at::Tensor noise;
    SolverRun run;
  };
  std::vector<Waiting> all;
  std::vector<std::string> names = {R"("dpm++", "method": "singlestep", "order": 3)", R"("dpm++", "order": 3)"};
  for (const SolverKind& kind : solver_kinds()) names.push_back(concat("\"", kind.name, "\""));
  for (const std::string& name : names) {
    const SamplerOptions options = options_of(concat(R"({"steps": 7, "shift": 3, "name": )", name, "}"));
    const at::Tensor noise = seeded_noise(static_cast<int64_t>(all.size()), {3, 4});
    all.push_back({options, noise, start_run(options, noise)});
  }
  for (bool asked = true; asked;) {
    asked = false;
    for (Waiting& one : all) {
      const VelocityQuery* query = one.run.pending();
      if (!query) continue;
      one.run.resume(analytic(query->x, query->when));
      asked = true;
    }
  }
  for (const Waiting& one : all) {
    EXPECT(at::equal(one.run.result(), sample(one.options, one.noise, analytic)));
  }
}

TEST_CASE("solver: a run that waits can be left, and takes velocities of its state's shape while it lasts") {
  const SamplerOptions options = options_of(R"({"name": "euler", "steps": 2})");
  SolverRun run = start_run(options, seeded_noise(1, {3}));
  SolverRun left = start_run(options, seeded_noise(2, {3}));
  left.resume(at::ones({3}, at::kDouble));
  EXPECT(!left.pending() && left.result().scalar_type() == at::kFloat);
  EXPECT_ERROR(left.resume(at::ones({3})), ErrorCode::kInternal, "come to its end");
  EXPECT_ERROR(run.resume(at::ones({4})), ErrorCode::kInternal, "velocity [4] for a state [3]");
}

TEST_CASE("solver: dopri5 evaluates as often as the original") {
  const GoldenCase golden(golden_folder("solver-dopri5"));
  int64_t evaluations = 0;
  int64_t steps = 0;
  sample(
      options_of(R"({"name": "dopri5"})"), golden.input("noise"),
      [&](const at::Tensor& x, const SolverTime& when) {
        ++evaluations;
        return analytic(x, when);
      },
      [&](const SolverProgress& progress, SolverState&) { steps = progress.step; });
  EXPECT(evaluations == 26 && steps > 0);
  EXPECT(model_times(options_of(R"({"name": "dopri5"})")).empty());
}

TEST_CASE("solver: adaptive methods meet their tolerance") {
  for (const char* name : {"dopri5", "bosh3", "fehlberg2", "adaptive_heun"}) {
    EXPECT_CLOSE(error_of(concat(R"({"name": ")", name, R"(", "rtol": 1e-5, "atol": 1e-6})")), 0, 3e-3);
  }
}

TEST_CASE("solver: a velocity that is not finite ends an adaptive method") {
  const auto broken = [](const at::Tensor& x, const SolverTime&) { return x * std::nan(""); };
  EXPECT_ERROR(sample(options_of(R"({"name": "dopri5"})"), seeded_noise(1, {3}), broken), ErrorCode::kNumeric,
               "step size");
}

TEST_CASE("solver: the progress callback can leave") {
  int64_t evaluations = 0;
  const auto count = [&](const at::Tensor& x, const SolverTime& when) {
    ++evaluations;
    return analytic(x, when);
  };
  const auto stop = [](const SolverProgress& progress, SolverState&) {
    if (progress.step == 3) throw Error(ErrorCode::kCancelled, "stopped");
  };
  EXPECT_ERROR(sample(options_of(R"({"steps": 10})"), seeded_noise(1, {3}), count, stop), ErrorCode::kCancelled,
               "stopped");
  EXPECT(evaluations == 3);
}

TEST_CASE("solver: options out of range are refused by name") {
  const ErrorCode invalid = ErrorCode::kInvalidArgument;
  EXPECT_ERROR(options_of(R"({"name": "ddim"})"), invalid, "unknown solver \"ddim\"");
  EXPECT_ERROR(options_of(R"({"steps": 0})"), invalid, "steps is 0");
  EXPECT_ERROR(options_of(R"({"name": "euler", "steps": 1})"), invalid, "takes 2 to");
  EXPECT_ERROR(options_of(R"({"order": 4})"), invalid, "order is 4");
  EXPECT_ERROR(options_of(R"({"shift": 0})"), invalid, "shift is 0");
  EXPECT_ERROR(options_of(R"({"skip_type": "cosine"})"), invalid, "cosine");
  EXPECT_ERROR(options_of(R"({"method": "adaptive"})"), invalid, "adaptive");
  EXPECT_ERROR(options_of(R"({"name": "dopri5", "rtol": -1})"), invalid, "rtol");
}

}  // namespace svg::test
