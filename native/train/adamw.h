// AdamW over named parameters. Source: arXiv 1711.05101.
#pragma once

#include <ATen/ATen.h>

#include "core/weights.h"

namespace svg {

struct AdamWOptions {
  double lr = 2e-4;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-15;
  double weight_decay = 0;
  bool fused = true;  // false: operation by operation, to the last bit as torch's own Adam
};

class AdamW {
 public:
  /// Moments are zero, one pair for every parameter.
  AdamW(const TensorMap& parameters, const AdamWOptions& options);

  /// One update in place from the parameters' gradients; those without a gradient are left alone.
  void step(const TensorMap& parameters);

  AdamWOptions& options() { return options_; }
  int64_t steps() const { return steps_; }

  /// "exp_avg.NAME", "exp_avg_sq.NAME" and "step": the tensors themselves, not copies.
  TensorMap state() const;
  /// Throws Error(kWeightsMismatch) where a moment is missing or has another shape.
  void load_state(const TensorMap& state);

 private:
  AdamWOptions options_;
  int64_t steps_ = 0;
  TensorMap exp_avg_, exp_avg_sq_;
};

/// The update of one parameter in plain operations, what `step` is held against. `steps` counts from 1.
void adamw_reference(at::Tensor& parameter, const at::Tensor& gradient, at::Tensor& exp_avg, at::Tensor& exp_avg_sq,
                     int64_t steps, const AdamWOptions& options);

}  // namespace svg
