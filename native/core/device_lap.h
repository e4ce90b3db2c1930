// How long a piece of work takes on a device, without waiting for it when it is given.
#pragma once

#include <ATen/ATen.h>

#include <chrono>
#include <memory>

namespace svg {

/// From its construction to stop(), on the current stream of the device: by two of its events. On the CPU, which does
/// its work as it is told, by the clock.
class DeviceLap {
 public:
  explicit DeviceLap(at::Device device);
  /// After the work was given; once.
  void stop();
  /// Returns when the device has come to the stop.
  void wait() const;
  /// Of the work; waits.
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  struct Events;

  at::Device device_;
  Clock::time_point start_, stop_;
  std::shared_ptr<Events> events_;  // on a GPU
};

}  // namespace svg
