#include "diffusion/time_shift.h"

#include <charconv>
#include <cmath>

#include "core/error.h"

namespace svg {
namespace {

constexpr double kBaseTokens = 256, kBaseExponent = 0.5;
constexpr double kMaxTokens = 4096, kMaxExponent = 1.15;

double parse_bound(const std::string& text, const std::string& name) {
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  SVG_CHECK(result.ec == std::errc() && result.ptr == text.data() + text.size() && value >= 0 && value <= 1,
            ErrorCode::kInvalidConfig, "time sampling \"", name, "\": \"", text, "\" is no number in [0, 1]");
  return value;
}

}  // namespace

at::Tensor shift_times(const at::Tensor& t, double shift) {
  SVG_CHECK(std::isfinite(shift) && shift > 0, ErrorCode::kInvalidArgument, "time shift is ", shift,
            ", must be positive");
  return t / (t + shift - shift * t);
}

double unshifted_time(double t, double shift) { return shift * t / (1 - t + shift * t); }

double shift_exponent(int64_t tokens) {
  const double slope = (kMaxExponent - kBaseExponent) / (kMaxTokens - kBaseTokens);
  return slope * static_cast<double>(tokens) + (kBaseExponent - slope * kBaseTokens);
}

at::Tensor shift_times_for_tokens(const at::Tensor& t, int64_t tokens) {
  // The rule is stated for a clock that has the noise at 1.
  const double shift = std::exp(shift_exponent(tokens));
  const at::Tensor noise_time = 1 - t;
  return 1 - shift / (shift + (1 / noise_time - 1));
}

TimeSampling TimeSampling::parse(const std::string& name) {
  TimeSampling sampling;
  if (name == "lognorm") return sampling;
  sampling.kind = Kind::kUniform;
  if (name == "uniform") return sampling;
  const std::string prefix = "uniform_";
  const size_t split = name.find('_', prefix.size());
  if (name.rfind(prefix, 0) == 0 && split != std::string::npos) {
    sampling.low = parse_bound(name.substr(prefix.size(), split - prefix.size()), name);
    sampling.high = parse_bound(name.substr(split + 1), name);
    return sampling;
  }
  throw Error(ErrorCode::kInvalidConfig, "unknown time sampling \"" + name + "\"",
              "known: lognorm, uniform, uniform_LOW_HIGH");
}

at::Tensor sample_times(const TimeSampling& sampling, int64_t count, at::Generator generator) {
  at::Tensor t;
  if (sampling.kind == TimeSampling::Kind::kUniform) {
    t = at::rand({count}, generator, at::TensorOptions().dtype(at::kFloat)) * (sampling.high - sampling.low) +
        sampling.low;
  } else {
    t = 1 / (1 + (-at::normal(sampling.mean, 1.0, {count}, generator)).exp());
  }
  if (sampling.shift != 1) t = shift_times(t, sampling.shift);
  return sampling.shift_tokens > 0 ? shift_times_for_tokens(t, sampling.shift_tokens) : t;
}

}  // namespace svg
