// The processes of a run as a group: collectives over Gloo on CPUs and NCCL on GPUs.
#pragma once

#include <ATen/ATen.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "distributed/patience.h"

namespace svg {

struct GroupOptions {
  int64_t rank = 0, world = 1;
  std::string master_addr = "127.0.0.1";  // of rank 0
  int64_t master_port = 29500;
  /// Empty: rank 0 serves the store of the run there. Else the launcher does (torchrun), for others too, and the keys
  /// of this run begin with it.
  std::string launcher_prefix;
  std::chrono::milliseconds timeout{600'000};
  std::string backend;           // "gloo", "nccl", or empty: by the device
  at::Device device = at::kCPU;  // where the tensors of the collectives lie
};

enum class ReduceOp { kSum, kMax };

/// A collective under way. Its tensor must not be touched before wait() has returned; dropping it unwaited is safe.
class Collective {
 public:
  virtual ~Collective() = default;
  virtual void wait() = 0;
};

/// All ranks call the same functions in the same order, from one thread at a time. Each throws Error(kRanks), naming
/// the ranks to blame, where one of them dies, leaves, or does not come within the timeout; the group is of no use
/// then.
class ProcessGroup {
 public:
  /// Waits until all ranks are there. A world of one opens nothing, unless a back end is named.
  static std::unique_ptr<ProcessGroup> open(const GroupOptions& options);
  virtual ~ProcessGroup() = default;

  virtual int64_t rank() const = 0;
  virtual int64_t world() const = 0;
  /// "gloo", "nccl", or "none" where nothing was opened.
  virtual std::string backend() const = 0;
  virtual at::Device device() const = 0;

  /// In place, on every rank, with the same bits.
  virtual std::unique_ptr<Collective> start_all_reduce(at::Tensor tensor, ReduceOp op = ReduceOp::kSum) = 0;
  /// Sums in place on `root`; the other ranks' tensors hold nothing of use after.
  virtual std::unique_ptr<Collective> start_reduce(at::Tensor tensor, int64_t root) = 0;
  virtual std::unique_ptr<Collective> start_broadcast(at::Tensor tensor, int64_t root) = 0;
  /// Tensors of one shape and dtype, by rank.
  virtual std::vector<at::Tensor> all_gather(const at::Tensor& tensor) = 0;
  /// Texts by rank, of any length.
  virtual std::vector<std::string> all_gather_text(const std::string& name, const std::string& text,
                                                   Patience patience = Patience::kTimeout) = 0;

  void all_reduce(const at::Tensor& tensor, ReduceOp op = ReduceOp::kSum) { start_all_reduce(tensor, op)->wait(); }
  void reduce(const at::Tensor& tensor, int64_t root) { start_reduce(tensor, root)->wait(); }
  void broadcast(const at::Tensor& tensor, int64_t root) { start_broadcast(tensor, root)->wait(); }
  void barrier(Patience patience = Patience::kTimeout) { all_gather_text("barrier", "", patience); }
  /// Throws Error(kRanks) that names the ranks whose text differs from rank 0's.
  void agree(const std::string& name, const std::string& text);
};

}  // namespace svg
