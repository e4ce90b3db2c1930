// The facade: one thread that owns the models and runs jobs in order; those that draw join one another.
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
#include <vector>

#include "engine/queued_job.h"

namespace svg {

class SamplingSession;

class Engine {
 public:
  /// `options`: {"device": "cpu" | "cuda" | "cuda:N", "threads": intra-op threads, 0 for libtorch's choice,
  /// "maxBatchTokens": of latents that are drawn at one time, "niceness": by how much its threads give way to others of
  /// this process, "forTests": whether it knows the jobs that only tests
  /// need}.
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
  using JobPointer = std::shared_ptr<QueuedJob>;

  void run_loop(std::unique_ptr<EngineState> state, int threads);
  void run(JobPointer job, EngineState& state);
  void run_alone(QueuedJob& job, EngineState& state);
  /// Until nothing is drawn any more; a job that is to run alone closes the batch when it comes to the front of the
  /// queue.
  void run_joined(JobPointer first, EngineState& state);
  /// The next job, once there is one; nullptr at the end.
  JobPointer wait_for_job();
  /// The next job where it may begin while others are drawn: jobs begin in their order.
  JobPointer take_between_steps(const SamplingSession& session);
  /// Call inside a catch block: the exception is the answer to all that run.
  void fail_running() noexcept;
  void forget_answered();

  JobSet jobs_ = JobSet::kPublic;
  int64_t most_tokens_ = 0;
  int niceness_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<JobPointer> queue_;
  std::vector<JobPointer> running_;
  bool stopping_ = false;
  bool stopped_ = false;
  std::function<void()> on_stopped_;
  std::mutex join_mutex_;
  std::thread thread_;
};

}  // namespace svg
