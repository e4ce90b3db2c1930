#include <cmath>

#include "core/rng.h"
#include "diffusion/ode.h"
#include "diffusion/sampler.h"
#include "golden.h"

namespace svg::test {
namespace {

at::Tensor analytic(const at::Tensor& x, double t, int64_t) { return std::sin(3 * t) * x + x.cos(); }

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
        [&](const at::Tensor& x, double t, int64_t evaluation) {
          EXPECT(evaluation == static_cast<int64_t>(got.size()));
          got.push_back(t);
          return analytic(x, t, evaluation);
        },
        [&](const SolverProgress& progress) { last = progress; });
    EXPECT(got == want);
    if (options.name == "dpm++") EXPECT(static_cast<int64_t>(got.size()) == options.dpm.steps);
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

TEST_CASE("solver: dopri5 evaluates as often as the original") {
  const GoldenCase golden(golden_folder("solver-dopri5"));
  int64_t evaluations = 0;
  int64_t steps = 0;
  sample(
      options_of(R"({"name": "dopri5"})"), golden.input("noise"),
      [&](const at::Tensor& x, double t, int64_t) {
        ++evaluations;
        return analytic(x, t, 0);
      },
      [&](const SolverProgress& progress) { steps = progress.step; });
  EXPECT(evaluations == 26 && steps > 0);
  EXPECT(model_times(options_of(R"({"name": "dopri5"})")).empty());
}

TEST_CASE("solver: adaptive methods meet their tolerance") {
  for (const char* name : {"dopri5", "bosh3", "fehlberg2", "adaptive_heun"}) {
    EXPECT_CLOSE(error_of(concat(R"({"name": ")", name, R"(", "rtol": 1e-5, "atol": 1e-6})")), 0, 3e-3);
  }
}

TEST_CASE("solver: a velocity that is not finite ends an adaptive method") {
  const auto broken = [](const at::Tensor& x, double, int64_t) { return x * std::nan(""); };
  EXPECT_ERROR(sample(options_of(R"({"name": "dopri5"})"), seeded_noise(1, {3}), broken), ErrorCode::kNumeric,
               "step size");
}

TEST_CASE("solver: the progress callback can leave") {
  int64_t evaluations = 0;
  const auto count = [&](const at::Tensor& x, double t, int64_t) {
    ++evaluations;
    return analytic(x, t, 0);
  };
  const auto stop = [](const SolverProgress& progress) {
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
