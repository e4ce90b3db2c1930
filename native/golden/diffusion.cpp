#include "golden/diffusion.h"

#include <cmath>

#include "core/error.h"
#include "diffusion/path.h"
#include "diffusion/sampler.h"
#include "diffusion/step_cache.h"
#include "diffusion/time_shift.h"

namespace svg {
namespace {

// "gvp.x_t" names the path and the quantity.
void run_plan(GoldenCase& golden) {
  for (const std::string& name : golden.output_names()) {
    const size_t dot = name.find('.');
    SVG_CHECK(dot != std::string::npos, ErrorCode::kFileFormat, "output \"", name, "\" names no path");
    const PathPoint point =
        path_point(parse_path(name.substr(0, dot)), golden.input("t"), golden.input("noise"), golden.input("data"));
    const std::string quantity = name.substr(dot + 1);
    SVG_CHECK(quantity == "x_t" || quantity == "velocity", ErrorCode::kFileFormat, "unknown output \"", name, "\"");
    golden.expect(name, quantity == "x_t" ? point.x : point.velocity);
  }
}

// "seq1024" names the number of latent tokens.
void run_shift(GoldenCase& golden) {
  const std::string prefix = "seq";
  for (const std::string& name : golden.output_names()) {
    SVG_CHECK(name.rfind(prefix, 0) == 0, ErrorCode::kFileFormat, "unknown output \"", name, "\"");
    golden.expect(name, shift_times_for_tokens(golden.input("t"), std::stoll(name.substr(prefix.size()))));
  }
}

// Settings at which the original's own result is not a number: it starts the spacings without a shift at alpha = 0,
// and its singlestep inverts the log-SNR of another schedule. There is nothing to compare with.
bool original_is_undefined(const SamplerOptions& options) {
  if (options.name != "dpm++") return false;
  if (options.spacing != TimeSpacing::kTimeUniformFlow) return true;
  return options.singlestep && std::min(options.order, options.steps) > 1;
}

// Of both branches: changes (2, steps - 2), decisions and sums (2, steps).
struct CachedSteps {
  std::vector<double> changes, accumulated;
  std::vector<int> computed;
};

CachedSteps cached_steps(GoldenCase& golden, const StepCache& cache) {
  const int64_t steps = golden.spec().at("steps").as_int();
  CachedSteps all;
  for (int branch = 0; branch < 2; ++branch) {
    const at::Tensor inputs = golden.input(concat("modulated.", branch));
    StepCacheRule rule;
    for (int64_t step = 0; step < steps; ++step) {
      const SolverTime when{static_cast<double>(step) / static_cast<double>(steps), step, steps};
      std::optional<double> change;
      if (rule.goes_by_change(when)) change = relative_change(inputs[step], inputs[step - 1]).item<double>();
      const StepDecision decision = rule.decide(cache, when, change);
      if (change) all.changes.push_back(*change);
      all.accumulated.push_back(decision.accumulated);
      all.computed.push_back(decision.computes);
    }
  }
  return all;
}

template <typename Number>
at::Tensor by_branch(const std::vector<Number>& values) {
  return at::tensor(values).view({2, -1});
}

}  // namespace

void run_step_cache(GoldenCase& golden) {
  const Json& coefficients = golden.spec().at("coefficients");
  for (const auto& [name, polynomial] : {std::pair("v1", kLumina2First), {"v2", kLumina2Second}}) {
    for (size_t i = 0; i < polynomial.size(); ++i) {
      if (coefficients.at(name).as_array()[i].as_double() != polynomial[i])
        golden.fail(concat(name, ": other numbers"));
    }
    for (const Json& threshold : golden.spec().at("thresholds").as_array()) {
      const CachedSteps got = cached_steps(golden, {threshold.as_double(), polynomial});
      const std::string suffix = concat(name, ".", threshold.as_double());
      golden.expect("rel_l1", by_branch(got.changes));
      golden.expect("accumulated." + suffix, by_branch(got.accumulated));
      golden.expect("computed." + suffix, by_branch(got.computed));
    }
  }
  // What the public code does where its counter of steps stands still: nothing to hold ours against.
  for (const char* name : {"computed.public_one_branch", "computed.public_equal_lengths"}) {
    if (!golden.output(name).eq(1).all().item<bool>()) golden.fail(concat(name, ": steps that are not computed"));
  }
}

void run_transport(GoldenCase& golden) {
  const std::string call = golden.spec().get_string("call", "plan");
  if (call == "plan") return run_plan(golden);
  if (call == "shiftTimesteps") return run_shift(golden);
  throw Error(ErrorCode::kFileFormat, "unknown call \"" + call + "\" of the transport");
}

void run_solver(GoldenCase& golden) {
  const std::string velocity = golden.spec().get_string("velocity", "sin(3t)*x + cos(x)");
  SVG_CHECK(velocity == "sin(3t)*x + cos(x)", ErrorCode::kFileFormat, "unknown velocity \"", velocity, "\"");
  SamplerOptions options = SamplerOptions::from_json(golden.spec().at("solver"));
  if (options.singlestep) options.shift = 1;  // the original's singlestep has no shift
  const at::Tensor got = sample(options, golden.input("noise"), [](const at::Tensor& x, const SolverTime& when) {
    return std::sin(3 * when.t) * x + x.cos();
  });
  const at::Tensor want = golden.output("sample");
  if (original_is_undefined(options) && want.isnan().all().item<bool>()) {
    if (!got.isfinite().all().item<bool>()) golden.fail("sample: not finite");
    return;
  }
  golden.expect("sample", got);
}

}  // namespace svg
