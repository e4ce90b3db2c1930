#include "engine/training/training_run.h"

#include <iomanip>

#include "core/error.h"
#include "engine/models.h"

namespace svg {

namespace {

Json shape_of(const at::Tensor& tensor) {
  Json shape = Json::array();
  for (const int64_t size : tensor.sizes()) shape.push_back(size);
  return shape;
}

}  // namespace

TrainedWeights parse_trained_weights(const std::string& name) {
  if (name == "raw") return TrainedWeights::kRaw;
  if (name == "ema") return TrainedWeights::kEma;
  throw Error(ErrorCode::kInvalidArgument, concat("unknown weights \"", name, "\": known are raw, ema"));
}

TensorMap fitting_start(const TensorMap& start, const TensorMap& parameters, StartReport& report) {
  TensorMap fitting;
  for (const auto& [name, parameter] : parameters) {
    report.parameters += parameter.numel();
    const auto found = start.find(name);
    if (found == start.end()) {
      if (!start.empty()) report.missing.push_back(name);
    } else if (found->second.sizes() != parameter.sizes()) {
      report.mismatched.push_back(
          Json::object().set("name", name).set("found", shape_of(found->second)).set("wanted", shape_of(parameter)));
    } else {
      fitting[name] = found->second;
    }
  }
  for (const auto& entry : start) {
    if (!parameters.count(entry.first)) report.unexpected.push_back(entry.first);
  }
  return fitting;
}

void agree_on_weights(const EngineModels& state, const std::string& name, const TensorMap& parameters) {
  if (!state.group) return;
  std::string sums;
  for (const auto& [parameter, value] : parameters) {
    sums += concat(parameter, " ", std::setprecision(17), value.detach().sum(at::kDouble).item<double>(), "\n");
  }
  state.group->agree(name, sums);
}

Json StartReport::to_json() const {
  return Json::object()
      .set("parameters", parameters)
      .set("missing", missing)
      .set("unexpected", unexpected)
      .set("mismatched", mismatched)
      .set("remarks", remarks)
      .set("activations", activations);
}

}  // namespace svg
