// Exponential moving average of the parameters.
#pragma once

#include "core/weights.h"

namespace svg {

struct EmaOptions {
  double decay = 0;
  bool warmup = false;  // shorter averages at first: average_decay() of kernels/adamw.h
};

/// The averages themselves: the optimiser moves them in the pass that updates the parameters (train/adamw.h).
class Ema {
 public:
  /// Starts as a copy of the parameters.
  Ema(const TensorMap& parameters, EmaOptions options);

  const EmaOptions& options() const { return options_; }
  const TensorMap& averages() const { return averages_; }
  /// Throws Error(kWeightsMismatch) where an average is missing or has another shape.
  void load(const TensorMap& averages);

 private:
  EmaOptions options_;
  TensorMap averages_;
};

}  // namespace svg
