#include "golden/diffusion.h"

#include <cmath>

#include "core/error.h"
#include "diffusion/path.h"
#include "diffusion/sampler.h"
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

}  // namespace

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
