// How long a device works, and what it holds at most meanwhile.
#pragma once

#include <ATen/ATen.h>

#include <functional>

namespace svg {

/// Seconds from the first to the last of what `body` has the device do: between two events of its stream, or by the
/// clock on a CPU. Returns once it is done.
double seconds_on(at::Device device, const std::function<void()>& body);

/// Memory above what was there when it was made: of a GPU what tensors hold, else what the process has grown by.
class PeakMemory {
 public:
  explicit PeakMemory(at::Device device);
  /// Bytes; 0 where the system does not tell.
  int64_t bytes() const;

 private:
  at::Device device_;
  int64_t before_ = 0;
  bool known_ = false;
};

/// Multiplications and additions a second in one large product of random numbers: what the device can do at most in
/// practice. Median of some runs after one that warms up.
double matrix_rate(at::Device device, at::ScalarType dtype);

}  // namespace svg
