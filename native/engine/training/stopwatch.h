// Where the time of a step goes.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "core/json.h"

namespace svg {

class Stopwatch {
 public:
  /// Adds the time since the last lap to `phase`.
  void lap(const std::string& phase) {
    const auto now = Clock::now();
    phases_[phase] += std::chrono::duration<double, std::milli>(now - last_).count();
    last_ = now;
  }
  /// {"phase": milliseconds}
  Json to_json() const {
    Json json = Json::object();
    for (const auto& [phase, milliseconds] : phases_) json.set(phase, milliseconds);
    return json;
  }

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point last_ = Clock::now();
  std::map<std::string, double> phases_;
};

}  // namespace svg
