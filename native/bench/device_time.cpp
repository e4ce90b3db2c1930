#include "bench/device_time.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "bench/peak_rss.h"

namespace svg {
namespace {

constexpr int64_t kSideOnGpu = 8192, kSideOnCpu = 1024;
constexpr size_t kRuns = 5;

/// What tensors hold on a GPU, now or at most.
int64_t held(at::Device device, bool peak) {
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  const auto& all = stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)];
  return peak ? all.peak : all.current;
}

}  // namespace

double seconds_on(at::Device device, const std::function<void()>& body) {
  if (device.is_cpu()) {
    const auto start = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  constexpr double kMillisecond = 1e-3;
  const c10::impl::VirtualGuardImpl guard(device.type());
  const c10::Stream stream = guard.getStream(device);
  c10::Event start(device.type(), c10::EventFlag::BACKEND_DEFAULT), end(device.type(), c10::EventFlag::BACKEND_DEFAULT);
  start.record(stream);
  body();
  end.record(stream);
  end.synchronize();
  return kMillisecond * start.elapsedTime(end);
}

PeakMemory::PeakMemory(at::Device device) : device_(device) {
  if (device.is_cpu()) {
    known_ = reset_peak_rss();
    before_ = current_rss();
    return;
  }
  c10::getDeviceAllocator(device.type())->resetPeakStats(device.index());
  known_ = true;
  before_ = held(device, /*peak=*/false);
}

int64_t PeakMemory::bytes() const {
  if (!known_) return 0;
  return (device_.is_cpu() ? peak_rss() : held(device_, /*peak=*/true)) - before_;
}

double matrix_rate(at::Device device, at::ScalarType dtype) {
  const int64_t side = device.is_cpu() ? kSideOnCpu : kSideOnGpu;
  const at::TensorOptions options = at::device(device).dtype(dtype);
  const at::Tensor left = at::randn({side, side}, options), right = at::randn({side, side}, options);
  std::vector<double> seconds;
  for (size_t i = 0; i <= kRuns; ++i) {
    const double once = seconds_on(device, [&] { at::mm(left, right); });
    if (i > 0) seconds.push_back(once);
  }
  std::sort(seconds.begin(), seconds.end());
  const double cube = static_cast<double>(side) * static_cast<double>(side) * static_cast<double>(side);
  return 2 * cube / seconds[seconds.size() / 2];
}

}  // namespace svg
