#include "core/stopwatch.h"

#include <c10/core/impl/VirtualGuardImpl.h>

namespace svg {

void wait_for(at::Device device) {
  if (device.is_cpu()) return;
  const c10::impl::VirtualGuardImpl guard(device.type());
  guard.getStream(device).synchronize();
}

double Stopwatch::lap() {
  wait_for(device_);
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - last_).count();
  last_ = now;
  return seconds;
}

Json Stopwatch::to_json() const {
  Json json = Json::object();
  for (const auto& [phase, milliseconds] : milliseconds_) json.set(phase, milliseconds);
  return json;
}

}  // namespace svg
