// Sums gradients over ranks in buckets, while backward still computes the next ones.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "distributed/buckets.h"
#include "distributed/parameter_sync.h"

namespace svg {

class GradientReducer : public ParameterSync {
 public:
  /// Sets a hook on each leaf; see make_parameter_sync.
  GradientReducer(ProcessGroup& group, const TensorMap& parameters, const TensorMap& leaves,
                  const std::vector<std::string>& order, const SyncOptions& options);
  ~GradientReducer() override;

  void begin_backward(bool last) override;
  void end_backward() override;
  void finish() override;
  void discard() override;
  bool owns(const std::string& name) const override;
  bool saves(const std::string& name) const override;
  using ParameterSync::sum;
  at::Tensor sum(const at::Tensor& values) override;
  at::Tensor global_norm(const at::Tensor& owned_norm) override;
  void after_step() override;
  TensorMap gather(const TensorMap& owned) override;

 private:
  struct Parameter {
    std::string name;
    at::Tensor master, leaf;
    size_t bucket = 0;
    int64_t offset = 0;
    bool awaited = true;   // some rank had a gradient of it in the last step
    bool arrived = false;  // in this backward pass
    bool used = false;     // has a gradient on this rank in this step
  };
  struct Travel {
    at::Tensor flat;  // (elements) fp32
    std::unique_ptr<Collective> collective;
    int64_t missing = 0;  // awaited gradients that have not arrived
  };

  /// A leaf has its gradient.
  void on_gradient(size_t index);
  void launch(size_t bucket);
  bool is_mine(const Bucket& bucket) const;
  at::Tensor segment(size_t index) const;
  /// Adds the gradients that came on some rank after their bucket had left.
  void add_late(size_t index);
  /// Bucket by bucket, hands each parameter's tensor of its owner to `deliver`, on all ranks.
  void broadcast_owned(const TensorMap& owned, const std::function<void(size_t, const at::Tensor&)>& deliver);
  void start_step();

  ProcessGroup& group_;
  const ParallelMode mode_;
  std::vector<Parameter> parameters_;  // in the order of the forward pass
  std::map<std::string, size_t> places_;
  std::vector<Bucket> buckets_;
  std::vector<Travel> travels_;  // by bucket
  size_t launched_ = 0;          // buckets that have left; on all ranks in this order
  bool overlapping_ = false;
  // Row 0: some rank has a gradient of the parameter. Row 1: some rank has one that missed its bucket.
  at::Tensor marks_;  // (2, parameters) int32
  std::unique_ptr<Collective> marking_;
};

}  // namespace svg
