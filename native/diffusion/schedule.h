// The noise clock of DPM-Solver: from noise (time 1) to data (time 0) with x = (1 - time) data + time noise.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace svg {

/// How the times between noise and data are spaced.
enum class TimeSpacing {
  kTimeUniformFlow,  // uniform, then shifted towards noise; ends at 0 exactly
  kTimeUniform,      // uniform from 0.999 to 0.001
  kTimeQuadratic,    // uniform in the square root of time
  kLogSnr,           // uniform in log(alpha / sigma)
};

/// "time_uniform_flow", "time_uniform", "time_quadratic" or "logSNR". Throws Error(kInvalidArgument).
TimeSpacing parse_time_spacing(const std::string& name);

/// `intervals` + 1 falling times, rounded to fp32, from 1 - `start` (at most 0.999) on. `shift` is of kTimeUniformFlow
/// alone. Throws Error(kInvalidArgument) where `start` is beyond the end of a spacing that ends before 0.
std::vector<double> noise_times(TimeSpacing spacing, int64_t intervals, double shift, double start = 0);

/// The model's clock at a noise time, subtracted in fp32.
double model_time(double noise_time);

/// Half the log of the signal-to-noise ratio, log(alpha / sigma); +inf at time 0.
double half_log_snr(double noise_time);
double time_of_half_log_snr(double lambda);

}  // namespace svg
