// The facade: one thread that owns the models and runs jobs in order.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/error.h"
#include "engine/job.h"

namespace svg {

/// Called on the engine's thread; `done` exactly once for each job, with an error or a result. A job that was dropped
/// from the queue gets its `done` on the thread that cancelled it.
struct JobCallbacks {
  EventSink event;
  std::function<void(const Error* error, JobResult result)> done;
};

class Engine {
 public:
  /// `options`: {"device": "cpu" | "cuda" | "cuda:N", "threads": intra-op threads, 0 for libtorch's choice, "forTests":
  /// whether it knows the jobs that only tests need}.
  /// Throws Error(kDeviceUnavailable | kInvalidArgument).
  explicit Engine(const Json& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Queues a job. Throws Error(kDisposed | kInvalidArgument).
  void submit(uint64_t id, const std::string& kind, Json request, TensorMap tensors, JobCallbacks callbacks);
  /// A queued job ends at once, a running one at its next check; unknown ids are ignored.
  void cancel(uint64_t id);
  /// Refuses new jobs and cancels all others (kDisposed); the thread frees the models and ends, then calls `stopped`.
  void begin_stop(std::function<void()> stopped = nullptr);
  /// begin_stop, and waits for the thread. Any number of threads may call it.
  void stop();
  /// begin_stop, and waits for the thread that long at most; whether it has ended.
  bool stop_within(std::chrono::milliseconds patience);

 private:
  struct Job;

  void run_loop(std::unique_ptr<EngineState> state, int threads);
  void run_job(Job& job, EngineState& state);

  JobSet jobs_ = JobSet::kPublic;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> queue_;
  std::shared_ptr<Job> running_;
  bool stopping_ = false;
  bool stopped_ = false;
  std::function<void()> on_stopped_;
  std::mutex join_mutex_;
  std::thread thread_;
};

}  // namespace svg
