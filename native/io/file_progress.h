// How far a job over the bytes of a file has come.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace svg {

/// `what` is the file or tensor in hand.
using FileProgress = std::function<void(const std::string& what, int64_t done_bytes, int64_t total_bytes)>;

}  // namespace svg
