#include "diffusion/schedule.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "diffusion/time_shift.h"

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

std::vector<double> noise_times(TimeSpacing spacing, int64_t intervals, double shift, double start) {
  const at::TensorOptions fp32 = at::TensorOptions().dtype(at::kFloat);
  const double first = std::min(kFirst, 1 - start);
  SVG_CHECK(first > (spacing == TimeSpacing::kTimeUniformFlow ? 0 : kLast), ErrorCode::kInvalidArgument, "start is ",
            start, ", the spacing ends at ", spacing == TimeSpacing::kTimeUniformFlow ? 1 : 1 - kLast);
  at::Tensor times;
  switch (spacing) {
    case TimeSpacing::kTimeUniformFlow: {
      // The noise clock is shifted the other way round: shift_times of 1 / shift.
      const double left = start > 0 ? std::max(kLast, 1 - unshifted_time(1 - start, 1 / shift)) : kLast;
      const at::Tensor sigma = 1 - at::linspace(1, left, intervals + 1, fp32);
      times = (shift * sigma / (1 + (shift - 1) * sigma)).flip(0);
      break;
    }
    case TimeSpacing::kTimeUniform: times = at::linspace(first, kLast, intervals + 1, fp32); break;
    case TimeSpacing::kTimeQuadratic:
      times = at::linspace(std::sqrt(first), std::sqrt(kLast), intervals + 1, fp32).square();
      break;
    case TimeSpacing::kLogSnr:
      times = at::sigmoid(-at::linspace(half_log_snr(first), half_log_snr(kLast), intervals + 1, fp32));
      break;
  }
  const at::Tensor wide = times.to(at::kDouble);
  std::vector<double> result(wide.const_data_ptr<double>(), wide.const_data_ptr<double>() + wide.numel());
  const double largest = spacing == TimeSpacing::kTimeUniformFlow ? result.front() : kFirst;
  if (start > 0 && 1 - start < largest + 1e-6) result.front() = static_cast<float>(1 - start);  // to the bit
  return result;
}

double model_time(double noise_time) { return 1.0F - static_cast<float>(noise_time); }

double half_log_snr(double noise_time) { return std::log1p(-noise_time) - std::log(noise_time); }

double time_of_half_log_snr(double lambda) { return 1 / (1 + std::exp(lambda)); }

}  // namespace svg
