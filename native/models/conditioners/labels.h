// Class numbers as a condition: a velocity model with classes looks them up in a table of its own.
#pragma once

#include "models/part.h"

namespace svg {

class Labels : public Conditioner {
 public:
  /// Classes 0 to classes - 1, and `classes` for none.
  explicit Labels(int64_t classes) : classes_(classes) {}

  ConditionKind kind() const override { return ConditionKind::label(classes_); }
  /// One number each -> (1) int64.
  std::vector<at::Tensor> encode(const std::vector<std::vector<int64_t>>& inputs) const override;

 private:
  int64_t classes_;
};

}  // namespace svg
