// How the ranks of a run train one set of parameters together. Trainers call the same functions in a world of one,
// where they do nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/weights.h"
#include "distributed/process_group.h"

namespace svg {

enum class ParallelMode {
  kData,       // "ddp": every rank holds all state
  kOptimizer,  // "sdp": every rank holds all parameters, but gradients and optimiser state of its share alone
};

struct SyncOptions {
  ParallelMode mode = ParallelMode::kData;
  int64_t bucket_bytes = int64_t{25} << 20;
};

/// "ddp" or "sdp". Throws Error(kInvalidArgument).
ParallelMode parse_parallel_mode(const std::string& name);

/// Gradients are summed over ranks, so each rank weighs its losses by its share of the whole batch.
class ParameterSync {
 public:
  virtual ~ParameterSync() = default;

  /// Before each backward pass; `last` where it completes the gradients of this step, which may travel while it runs.
  virtual void begin_backward(bool last) = 0;
  /// After the last one, also where it was left out: what has not travelled yet does now. Ranks that train several sets
  /// of parameters end them in the same order.
  virtual void end_backward() = 0;
  /// Waits for all of it: each parameter that this rank owns holds the sum of all ranks' gradients, or none where no
  /// rank has one; those of other owners hold none. Leaves that are not parameters hold none.
  virtual void finish() = 0;
  /// After a failure: forgets this step.
  virtual void discard() = 0;

  /// Whether this rank keeps optimiser state of the parameter, and updates it.
  virtual bool owns(const std::string& name) const = 0;
  TensorMap owned(const TensorMap& tensors) const;
  /// Whether this rank writes the parameter and its state into checkpoints: exactly one does. What is no parameter is
  /// for the first one.
  virtual bool saves(const std::string& name) const = 0;
  TensorMap saved(const TensorMap& tensors) const;
  /// Sums over ranks of fp64 values, the same bits on all of them. Where the ranks meet on GPUs nobody waits for it.
  virtual at::Tensor sum(const at::Tensor& values) = 0;
  /// The norm over all gradients, () fp64, from that over the owned ones; the same on all ranks, NaN or infinity too.
  virtual at::Tensor global_norm(const at::Tensor& owned_norm) = 0;
  /// After an update: the owners' parameters go to all ranks, in place.
  virtual void after_step() = 0;
  /// All tensors of one kind (an EMA, say), from those that each rank owns: on rank 0, and nothing elsewhere. Called on
  /// all ranks. They have the shapes of the parameters and are fp32.
  virtual TensorMap gather(const TensorMap& owned) = 0;
};

}  // namespace svg
