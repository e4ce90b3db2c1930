// Conditions as the velocity model wants them: what a request names, and what it becomes, each encoded once.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "core/request.h"
#include "core/weights.h"
#include "models/part.h"

namespace svg {

/// Token ids without padding, or one class number: what a Conditioner takes.
using ConditionInput = std::vector<int64_t>;

/// The job's tensor of token ids (L). Throws Error(kInvalidArgument) where it is absent, empty or not one row.
ConditionInput token_ids(const TensorMap& tensors, const std::string& name);

/// Of an item {"tokens": name of a tensor} or {"class": number}, whichever a model of this kind wants. Throws as
/// check_condition() does.
ConditionInput condition_input(const Request& item, const ConditionKind& kind, const TensorMap& tensors);

/// Throws Error(kInvalidArgument) for a caption beyond the model's table, or a class that it does not know.
void check_condition(const ConditionKind& kind, const ConditionInput& input);

class ConditionCache {
 public:
  /// Conditions of these inputs, prepared for the model. Throws as check_condition() does.
  std::vector<at::Tensor> prepared(const Conditioner& conditioner, const VelocityModel& model,
                                   const std::vector<ConditionInput>& inputs);
  /// Conditioner or model changed.
  void clear() { entries_.clear(); }

 private:
  const at::Tensor* find(const ConditionInput& input);

  std::deque<std::pair<ConditionInput, at::Tensor>> entries_;  // the one that was asked for last at the back
};

}  // namespace svg
