// The key-value store of a run: rank 0 or the launcher serves it, all ranks connect to it.
#pragma once

#include <chrono>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace svg {

/// Serves the store and connects to it. Throws Error(kRanks) where the port is in use.
c10::intrusive_ptr<c10d::Store> serve_store(const std::string& host, int port, std::chrono::milliseconds timeout);

/// Connects to a store that is served already; keys get the prefix, where there is one.
c10::intrusive_ptr<c10d::Store> connect_store(const std::string& host, int port, std::chrono::milliseconds timeout,
                                              const std::string& prefix);

}  // namespace svg
