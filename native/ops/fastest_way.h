// Which of several ways to one result is the fastest on this machine: measured at the first use of a shape, remembered
// as long as the process lives.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

namespace svg {

using Way = std::function<at::Tensor()>;
/// Seconds that a way takes.
using WayTimer = std::function<double(const Way& way)>;

/// Index of the way to take for `name`. The first is the usual one: another has to be faster by a tenth, so that runs
/// do not differ by chance. A way that throws is none, but the first one's error is thrown. Thread-safe.
size_t fastest_way(const std::string& name, const std::vector<Way>& ways, const WayTimer& timer);

/// By the device's own events: the middle one of three, after one that is not counted. Waits for the device.
WayTimer device_timer(at::Device device);

}  // namespace svg
