// The key-value store of a run: rank 0 serves it, all ranks connect to it.
#pragma once

#include <chrono>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace svg {

/// Serves the store and connects to it. Throws Error(kRanks) where the port is in use.
c10::intrusive_ptr<c10d::Store> serve_store(const std::string& host, int port, std::chrono::milliseconds timeout);

/// Connects to the store that rank 0 already serves.
c10::intrusive_ptr<c10d::Store> connect_store(const std::string& host, int port, std::chrono::milliseconds timeout);

}  // namespace svg
