// The back ends of c10d, each behind one function, so that only one file sees the headers of each.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace svg {

struct BackendOptions {
  int rank = 0, world = 1;
  std::string host;  // of the store
  int port = 0;      // of the store
  std::chrono::milliseconds timeout;
};

class CollectiveBackend {
 public:
  virtual ~CollectiveBackend() = default;
  virtual c10d::Backend& c10d() = 0;
  /// Ends collectives that are under way, with an error; none can be started after.
  virtual void abort() = 0;
};

/// Blocks until all ranks have called it.
std::unique_ptr<CollectiveBackend> open_gloo(const c10::intrusive_ptr<c10d::Store>& store, const BackendOptions&);

/// Throws Error(kDeviceUnavailable) where this build has no NCCL.
std::unique_ptr<CollectiveBackend> open_nccl(const c10::intrusive_ptr<c10d::Store>& store, const BackendOptions&);

}  // namespace svg
