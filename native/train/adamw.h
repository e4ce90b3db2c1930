// AdamW over named parameters, with what is updated along: their averages and the copies that are computed with.
// Source: arXiv 1711.05101.
#pragma once

#include <ATen/ATen.h>

#include "core/weights.h"
#include "train/ema.h"

namespace svg {

struct AdamWOptions {
  double lr = 2e-4;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-15;
  double weight_decay = 0;
  bool fused = true;  // false: operation by operation, to the last bit as torch's own Adam
};

/// What a step goes by beside the parameters, by their names.
struct AdamWStep {
  TensorMap gradients;   // of the parameters, unclipped; those without one stay as they are
  at::Tensor norm;       // () fp64, of all gradients together: where it is not finite nothing changes
  double grad_clip = 0;  // largest norm; 0: none
  Ema* ema = nullptr;    // averages that follow
  TensorMap leaves;      // where one is not the parameter itself it becomes the parameter, rounded
};

class AdamW {
 public:
  /// Moments are zero, one pair for every parameter.
  AdamW(const TensorMap& parameters, const AdamWOptions& options);

  /// One update in place; the host does not wait for it.
  void step(const TensorMap& parameters, const AdamWStep& step);

  AdamWOptions& options() { return options_; }
  /// How many were applied. Waits for the device.
  int64_t steps() const { return steps_.item<int64_t>(); }

  /// "exp_avg.NAME", "exp_avg_sq.NAME" and "step": the tensors themselves, not copies.
  TensorMap state() const;
  /// Throws Error(kWeightsMismatch) where a moment is missing or has another shape.
  void load_state(const TensorMap& state);

 private:
  AdamWOptions options_;
  at::Tensor steps_;  // () int64, where the parameters are
  TensorMap exp_avg_, exp_avg_sq_;
};

}  // namespace svg
