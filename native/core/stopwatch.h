// Where the time goes.
#pragma once

#include <ATen/ATen.h>

#include <chrono>
#include <map>
#include <string>

#include "core/json.h"

namespace svg {

/// Returns once `device` has done what it was given; at once on the CPU, which does it as it is told.
void wait_for(at::Device device);

/// Reads the clock when `device` is done, so that a lap is the time of the work and not of its launch.
class Stopwatch {
 public:
  explicit Stopwatch(at::Device device = at::kCPU) : device_(device) {}

  /// Seconds since the last lap.
  double lap();
  /// Adds the time since the last lap to `phase`.
  void lap(const std::string& phase) { milliseconds_[phase] += 1000 * lap(); }
  /// {"phase": milliseconds}
  Json to_json() const;

 private:
  at::Device device_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  std::map<std::string, double> milliseconds_;
};

}  // namespace svg
