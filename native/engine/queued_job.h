// A job from the call that asked for it to its one answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "core/error.h"
#include "engine/job.h"

namespace svg {

/// Called on the engine's thread; `done` exactly once for each job, with an error or a result. A job that was dropped
/// from the queue gets its `done` on the thread that cancelled it.
struct JobCallbacks {
  EventSink event;
  std::function<void(const Error* error, JobResult result)> done;
};

struct QueuedJob {
  /// Throws as find_job().
  QueuedJob(uint64_t number, const std::string& name, JobSet set, Json json)
      : id(number), kind(find_job(name, set)), request(std::move(json), name) {}

  // Any thread. What runs notices at its next check.
  void cancel() { cancelled = true; }
  void cancel_for_disposal() {
    disposed = true;
    cancelled = true;
  }
  /// The answer to one that never ran.
  void drop(ErrorCode why);

  // The engine's thread. Weights that went away under their map read as zeros: nothing made of them may get out.
  EventSink sink();
  void succeed(JobResult result);
  /// Call inside a catch block: the exception is the answer. Throws where telling it fails.
  void fail();
  /// The same where that has failed before: with whatever answer can still be made.
  void fail_at_last() noexcept;

  uint64_t id;
  JobKind kind;
  Request request;
  TensorMap tensors;
  JobCallbacks callbacks;
  std::atomic<bool> cancelled{false}, disposed{false};
  bool answered = false;  // of the engine's thread

 private:
  void answer(const Error* error, JobResult result);
  void tell_kernel_faults() const;
};

}  // namespace svg
