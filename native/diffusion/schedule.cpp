#include "diffusion/schedule.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/error.h"

namespace svg {
namespace {

// The original starts the unshifted spacings at 1, where alpha is 0 and its data prediction 0/0: not a number at any
// setting. Here they start as far from 1 as they end from 0, which is where the flow spacing starts, too.
constexpr double kFirst = 0.999;
constexpr double kLast = 0.001;

}  // namespace

TimeSpacing parse_time_spacing(const std::string& name) {
  if (name == "time_uniform_flow") return TimeSpacing::kTimeUniformFlow;
  if (name == "time_uniform") return TimeSpacing::kTimeUniform;
  if (name == "time_quadratic") return TimeSpacing::kTimeQuadratic;
  if (name == "logSNR") return TimeSpacing::kLogSnr;
  throw Error(ErrorCode::kInvalidArgument, "unknown skip type \"" + name + "\"",
              "known: time_uniform_flow, time_uniform, time_quadratic, logSNR");
}

std::vector<double> noise_times(TimeSpacing spacing, int64_t intervals, double shift) {
  const at::TensorOptions fp32 = at::TensorOptions().dtype(at::kFloat);
  at::Tensor times;
  switch (spacing) {
    case TimeSpacing::kTimeUniformFlow: {
      const at::Tensor sigma = 1 - at::linspace(1, kLast, intervals + 1, fp32);
      times = (shift * sigma / (1 + (shift - 1) * sigma)).flip(0);
      break;
    }
    case TimeSpacing::kTimeUniform: times = at::linspace(kFirst, kLast, intervals + 1, fp32); break;
    case TimeSpacing::kTimeQuadratic:
      times = at::linspace(std::sqrt(kFirst), std::sqrt(kLast), intervals + 1, fp32).square();
      break;
    case TimeSpacing::kLogSnr:
      times = at::sigmoid(-at::linspace(half_log_snr(kFirst), half_log_snr(kLast), intervals + 1, fp32));
      break;
  }
  const at::Tensor wide = times.to(at::kDouble);
  return {wide.const_data_ptr<double>(), wide.const_data_ptr<double>() + wide.numel()};
}

double model_time(double noise_time) { return 1.0F - static_cast<float>(noise_time); }

double half_log_snr(double noise_time) { return std::log1p(-noise_time) - std::log(noise_time); }

double time_of_half_log_snr(double lambda) { return 1 / (1 + std::exp(lambda)); }

}  // namespace svg
