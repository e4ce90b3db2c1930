#include "ops/fastest_way.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>

#include "core/device_lap.h"

namespace svg {
namespace {

constexpr double kFasterBy = 0.9;

std::mutex choices_mutex;
std::map<std::string, size_t>& choices() {
  static std::map<std::string, size_t> known;
  return known;
}

std::optional<size_t> known_choice(const std::string& name) {
  const std::lock_guard<std::mutex> lock(choices_mutex);
  const auto found = choices().find(name);
  return found == choices().end() ? std::nullopt : std::optional<size_t>(found->second);
}

}  // namespace

size_t fastest_way(const std::string& name, const std::vector<Way>& ways, const WayTimer& timer) {
  if (const std::optional<size_t> known = known_choice(name)) return *known;
  size_t best = 0;
  double least = timer(ways[0]);
  for (size_t i = 1; i < ways.size(); ++i) {
    try {
      const double seconds = timer(ways[i]);
      if (seconds >= kFasterBy * least) continue;
      best = i;
      least = seconds;
    } catch (const std::exception&) {  // the usual way serves
    }
  }
  const std::lock_guard<std::mutex> lock(choices_mutex);
  return choices().emplace(name, best).first->second;
}

WayTimer device_timer(at::Device device) {
  return [device](const Way& way) {
    way();
    std::array<double, 3> seconds{};
    for (double& one : seconds) {
      DeviceLap lap(device);
      way();
      lap.stop();
      one = lap.seconds();
    }
    std::sort(seconds.begin(), seconds.end());
    return seconds[1];
  };
}

}  // namespace svg
