// What the step cache of a picture remembers of it, and one turn of the cache over the sequences of an evaluation.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "diffusion/step_cache.h"

namespace svg {

/// Of one picture, with its condition or without.
struct BranchMemory {
  StepCacheRule rule;
  at::Tensor input;     // (L + n, dim) fp32: NextDit::first_input() at the branch's last step
  at::Tensor residual;  // (n, dim) fp32: what the main layers added to the image rows when they last ran
  int64_t reused = 0;   // steps at which it was added again
};

/// A sequence of an evaluation that has a cache.
struct CachedSequence {
  BranchMemory* memory = nullptr;
  StepCache cache;
  SolverTime when;
  at::Tensor input;  // of this step
};

/// Decisions for one evaluation. What they leave is remembered by commit() alone, so that an evaluation that failed can
/// be tried again.
class StepCacheTurn {
 public:
  /// One transfer from the device, for all of them. Keeps the pointers.
  explicit StepCacheTurn(const std::vector<CachedSequence>& sequences);

  bool computes(size_t sequence) const { return computes_[sequence]; }
  /// Of one that is not computed.
  const at::Tensor& residual(size_t sequence) const { return next_[sequence].residual; }
  /// Of one that was computed.
  void set_residual(size_t sequence, at::Tensor residual) { next_[sequence].residual = std::move(residual); }
  void commit();

 private:
  std::vector<BranchMemory*> memories_;
  std::vector<BranchMemory> next_;
  std::vector<bool> computes_;
};

}  // namespace svg
