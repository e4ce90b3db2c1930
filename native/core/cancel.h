// Cooperative cancelling: long computations ask between steps and layers whether they should stop.
#pragma once

#include <atomic>
#include <vector>

namespace svg {

/// Throws Error(kCancelled) where the job of this thread was cancelled; costs one load for each flag otherwise.
void check_cancelled();

/// While it lives, check_cancelled() on this thread looks at `flag`; of several jobs that share a computation, at the
/// flags of all: it goes on while one of them is wanted.
class CancelScope {
 public:
  explicit CancelScope(const std::atomic<bool>& flag) : CancelScope(std::vector<const std::atomic<bool>*>{&flag}) {}
  explicit CancelScope(std::vector<const std::atomic<bool>*> flags);
  ~CancelScope();
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

  /// Whether every flag is raised; false without any.
  bool cancelled() const;

 private:
  std::vector<const std::atomic<bool>*> flags_;
  const CancelScope* outer_;
};

}  // namespace svg
