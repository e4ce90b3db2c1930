// What a training step reports: names and values, in the order in which they are shown.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/json.h"

namespace svg {

/// The first is what training lowers. A name is given once, where its value is computed; recorders take the names from
/// here.
class StepValues {
 public:
  /// Adds to the value of this name, which begins at 0.
  void add(const std::string& name, double value);
  /// Throws Error(kInternal) for a name that was never added.
  double at(const std::string& name) const;

  std::vector<double> values() const;
  size_t size() const { return entries_.size(); }

  /// {"name": value}
  Json to_json() const;

 private:
  std::vector<std::pair<std::string, double>> entries_;
};

}  // namespace svg
