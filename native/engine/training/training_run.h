// What an engine trains: one stage at a time, driven step by step.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>

#include "core/json.h"
#include "core/request.h"
#include "core/weights.h"

namespace svg {

struct EngineModels;

enum class TrainedWeights { kRaw, kEma };

/// "raw" or "ema". Throws Error(kInvalidArgument).
TrainedWeights parse_trained_weights(const std::string& name);

class TrainingRun {
 public:
  virtual ~TrainingRun() = default;

  /// One optimiser step on the samples that the request names. A step that throws (also when it is cancelled) has
  /// changed nothing; neither has one whose loss or gradients are not finite, which its report tells.
  virtual void step(EngineModels& state, const Request& request, const TensorMap& tensors) = 0;
  /// Numbers and times of the steps since the last report, in their order: [one object a step]. Waits for the device,
  /// which steps need not do.
  virtual Json report() = 0;

  /// This rank's part of everything that a bit-equal continuation needs, perhaps nothing; the tensors themselves, not
  /// copies.
  virtual TensorMap state() const = 0;
  /// From the parts of all ranks. Throws Error(kWeightsMismatch) for the state of another model.
  virtual void restore(const TensorMap& state) = 0;

  /// The state dict to publish, fp32; all ranks call it, and all but the first get nothing.
  virtual TensorMap weights(TrainedWeights kind) const = 0;
  /// Puts a copy of the weights, in `dtype`, where the jobs that draw, encode and decode find them; all ranks call
  /// it, and the first one has them after.
  virtual void publish(EngineModels& state, TrainedWeights kind, at::ScalarType dtype) const = 0;
};

/// What became of the weights that training starts from, by name.
struct StartReport {
  int64_t parameters = 0;  // elements of the model
  Json missing = Json::array(), unexpected = Json::array(), mismatched = Json::array();
  Json remarks = Json::array();  // on the file, for people
  Json activations;              // MemoryPlan::to_json(); null where there is no choice

  Json to_json() const;
};

/// The tensors of `start` that fit `parameters` by name and shape; the report lists the others.
TensorMap fitting_start(const TensorMap& start, const TensorMap& parameters, StartReport& report);

/// Throws Error(kRanks) on all ranks where their weights differ, naming the ranks and the first such parameter.
void agree_on_weights(const EngineModels& state, const std::string& name, const TensorMap& parameters);

}  // namespace svg
