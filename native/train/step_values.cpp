#include "train/step_values.h"

#include "core/error.h"

namespace svg {

void StepValues::add(const std::string& name, double value) {
  for (auto& [known, sum] : entries_) {
    if (known != name) continue;
    sum += value;
    return;
  }
  entries_.emplace_back(name, value);
}

double StepValues::at(const std::string& name) const {
  for (const auto& [known, value] : entries_) {
    if (known == name) return value;
  }
  throw Error(ErrorCode::kInternal, concat("the step reports no \"", name, "\""));
}

std::vector<double> StepValues::values() const {
  std::vector<double> values;
  for (const auto& entry : entries_) values.push_back(entry.second);
  return values;
}

Json StepValues::to_json() const {
  Json json = Json::object();
  for (const auto& [name, value] : entries_) json.set(name, value);
  return json;
}

}  // namespace svg
