// Exponential moving average of the parameters.
#pragma once

#include "core/weights.h"

namespace svg {

struct EmaOptions {
  double decay = 0;
  bool warmup = false;  // shorter averages at first, so that the weights it began with are soon forgotten
  /// Of update number `step`, counted from 1: with warm-up at most (1 + step) / (10 + step).
  /// Source: tf.train.ExponentialMovingAverage, num_updates.
  double decay_at(int64_t step) const;
};

class Ema {
 public:
  /// Starts as a copy of the parameters. `fused`: all of them in one operation, not one by one.
  Ema(const TensorMap& parameters, EmaOptions options, bool fused = true);

  /// average = decay * average + (1 - decay) * parameter
  void update(const TensorMap& parameters, int64_t step);

  const TensorMap& averages() const { return averages_; }
  /// Throws Error(kWeightsMismatch) where an average is missing or has another shape.
  void load(const TensorMap& averages);

 private:
  EmaOptions options_;
  bool fused_;
  TensorMap averages_;
};

}  // namespace svg
