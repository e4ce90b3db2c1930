// The tensors NAME.0, NAME.1, ... of a job.
#pragma once

#include <string>

#include "core/cancel.h"
#include "core/error.h"
#include "core/weights.h"

namespace svg {

/// Runs `body(i, name, tensor)` for prefix.0, prefix.1, ... of a job, asking before each whether it was cancelled.
/// Returns how many there are; throws Error(kInvalidArgument) where there are none.
template <typename Body>
int64_t for_each_numbered(const TensorMap& tensors, const char* prefix, Body body) {
  int64_t i = 0;
  for (;; ++i) {
    const std::string name = concat(prefix, ".", i);
    const auto found = tensors.find(name);
    if (found == tensors.end()) break;
    check_cancelled();
    body(i, name, found->second);
  }
  SVG_CHECK(i > 0, ErrorCode::kInvalidArgument, "no tensor \"", prefix, ".0\" was given");
  return i;
}

}  // namespace svg
