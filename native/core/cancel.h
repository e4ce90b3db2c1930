// Cooperative cancelling: long computations ask between steps and layers whether they should stop.
#pragma once

#include <atomic>

namespace svg {

/// Throws Error(kCancelled) where the job of this thread was cancelled; costs one load otherwise.
void check_cancelled();

/// While it lives, check_cancelled() on this thread looks at `flag`.
class CancelScope {
 public:
  explicit CancelScope(const std::atomic<bool>& flag);
  ~CancelScope();
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

 private:
  const std::atomic<bool>* outer_;
};

}  // namespace svg
