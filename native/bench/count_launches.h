// Counts what a GPU would be given to do, while the real code runs on meta tensors.
#pragma once

#include <ATen/record_function.h>

#include <memory>
#include <string>
#include <vector>

#include "bench/count_ops.h"
#include "core/json.h"
#include "ops/counted.h"

namespace svg {

/// From its construction to its end, on this thread: operations of ATen, by their names, and our own kernels. Views and
/// allocations launch nothing; operations that are made of others count as these. Where an operation of ATen launches
/// several kernels on a GPU, bench/count_ops.cpp knows how many. Meanwhile values that the host reads from meta tensors
/// are ones. One at a time in a process.
class LaunchCount : public LaunchObserver {
 public:
  LaunchCount();
  ~LaunchCount() override;

  void launched(const CountedLaunch& launch) override;
  void add(const std::string& operation, const OpCount& count);
  const OpCounts& operations() const { return operations_; }

 private:
  struct Frame;
  struct Registered;

  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function);
  static void end(const at::RecordFunction& function, at::ObserverContext* context);
  void enter(const at::RecordFunction& function);
  void leave(const at::RecordFunction& function);

  std::unique_ptr<Registered> registered_;
  at::CallbackHandle callback_;
  std::vector<Frame> frames_;
  OpCounts operations_;
};

/// {"launches", "productFlops", "attentionFlops", "passBytes", "uploads", "hostReads", "operations": [{"name", "kind",
/// "launches", "flops", "bytes"}]}; copies from the host count as launches too.
Json json_of(const OpCounts& operations);

}  // namespace svg
