// Times of training and of sampling: how they are drawn, and how they move towards noise for larger pictures.
#pragma once

#include <ATen/ATen.h>

#include <string>

namespace svg {

/// Moves sampling times in [0, 1] towards noise (t = 0): t / (t + shift - shift t). A shift of 1 changes nothing.
at::Tensor shift_times(const at::Tensor& t, double shift);

/// The time that shift_times moves to `t`.
double unshifted_time(double t, double shift);

/// log of the shift for a picture of `tokens` latent positions: linear, 0.5 at 256 and 1.15 at 4096.
/// Source: arXiv 2403.03206, section 5.3.2, with the coefficients of the FLUX release.
double shift_exponent(int64_t tokens);

/// Training times in [0, 1] moved for a picture of `tokens` latent positions; shift exp(shift_exponent(tokens)).
at::Tensor shift_times_for_tokens(const at::Tensor& t, int64_t tokens);

struct TimeSampling {
  enum class Kind { kUniform, kLogNormal };
  Kind kind = Kind::kLogNormal;
  double low = 0, high = 1;  // bounds of kUniform
  double mean = 0;           // of the normal whose sigmoid kLogNormal takes; its deviation is 1
  int64_t shift_tokens = 0;  // 0: no shift; else as shift_times_for_tokens
  double shift = 1;          // as shift_times; 1: none

  /// "uniform", "uniform_LOW_HIGH" or "lognorm". Throws Error(kInvalidConfig).
  static TimeSampling parse(const std::string& name);
};

/// (count) fp32 times on the CPU, drawn as the original's trainer draws them.
at::Tensor sample_times(const TimeSampling& sampling, int64_t count, at::Generator generator);

}  // namespace svg
