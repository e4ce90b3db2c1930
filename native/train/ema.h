// Exponential moving average of the parameters.
#pragma once

#include "core/weights.h"

namespace svg {

class Ema {
 public:
  /// Starts as a copy of the parameters. `fused`: all of them in one operation, not one by one.
  Ema(const TensorMap& parameters, double decay, bool fused = true);

  /// average = decay * average + (1 - decay) * parameter
  void update(const TensorMap& parameters);

  const TensorMap& averages() const { return averages_; }
  /// Throws Error(kWeightsMismatch) where an average is missing or has another shape.
  void load(const TensorMap& averages);

 private:
  double decay_;
  bool fused_;
  TensorMap averages_;
};

}  // namespace svg
