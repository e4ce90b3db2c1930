#include "core/device_lap.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace svg {

struct DeviceLap::Events {
  explicit Events(at::DeviceType type)
      : start(type, c10::EventFlag::BACKEND_DEFAULT), stop(type, c10::EventFlag::BACKEND_DEFAULT) {}

  c10::Event start, stop;  // of the sort that tells times
};

namespace {

c10::Stream current_stream(at::Device device) { return c10::impl::VirtualGuardImpl(device.type()).getStream(device); }

}  // namespace

DeviceLap::DeviceLap(at::Device device) : device_(device) {
  if (device.is_cuda()) {
    events_ = std::make_shared<Events>(device.type());
    events_->start.record(current_stream(device));
  } else {
    start_ = stop_ = Clock::now();
  }
}

void DeviceLap::stop() {
  if (events_) {
    events_->stop.record(current_stream(device_));
  } else {
    stop_ = Clock::now();
  }
}

void DeviceLap::wait() const {
  if (events_) events_->stop.synchronize();
}

double DeviceLap::seconds() const {
  wait();
  if (events_) return events_->start.elapsedTime(events_->stop) / 1000;  // events tell milliseconds
  return std::chrono::duration<double>(stop_ - start_).count();
}

}  // namespace svg
