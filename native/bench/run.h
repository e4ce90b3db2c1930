// Timed runs of one thing, and two things held against each other.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

#include "core/json.h"

namespace svg {

struct Run {
  at::Device device = at::kCPU;
  std::vector<double> seconds = {};  // of the device's work
  int64_t peak = 0;                  // bytes above what was there before, where the system tells
  at::Tensor result = {};

  /// Forgets the runs so far, which warmed up.
  void restart();
  void once(const std::function<at::Tensor()>& body);
  double median() const;
};

/// {"name", "ours", "plain", "unit": "s", "ratio": plain / ours, "oursPeakRss", "plainPeakRss", "difference"}: medians
/// of `repeats` alternating runs after one that warms up; difference is |ours - plain| / |plain| of the results.
Json compare(const std::string& name, int64_t repeats, const std::function<at::Tensor()>& ours,
             const std::function<at::Tensor()>& plain, at::Device device = at::kCPU);

/// The row that `compare` returns, from runs that were made elsewhere and the seconds to report.
Json row_of(const std::string& name, double ours_seconds, const Run& ours, const Run& plain);

}  // namespace svg
