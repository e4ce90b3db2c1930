#include "engine/engine.h"

#include <ATen/Parallel.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/GradMode.h>
#include <sys/resource.h>

#include <algorithm>

#include "core/cancel.h"
#include "engine/device.h"
#include "engine/sampling_session.h"
#include "engine/state.h"
#include "io/mapped_file.h"

namespace svg {
namespace {

constexpr int kMostNice = 19;

/// Of this thread and of those that it starts: that others of the process come first.
void give_way(int niceness) {
  if (niceness > 0) setpriority(PRIO_PROCESS, 0, std::min(getpriority(PRIO_PROCESS, 0) + niceness, kMostNice));
}

}  // namespace

Engine::Engine(const Json& options) {
  const Request request(options, "engine");
  const int64_t threads = request.at("threads").as_int();
  SVG_CHECK(threads >= 0 && threads <= 1024, ErrorCode::kInvalidArgument, "threads must be 0 to 1024, not ", threads);
  auto state = std::make_unique<EngineState>();
  state->device = parse_device(request.at("device").as_string());
  most_tokens_ = request.at("maxBatchTokens").as_int();
  SVG_CHECK(most_tokens_ >= 1, ErrorCode::kInvalidArgument, "maxBatchTokens must be 1 or more, not ", most_tokens_);
  niceness_ = static_cast<int>(request.at("niceness").as_int());
  SVG_CHECK(niceness_ >= 0 && niceness_ <= kMostNice, ErrorCode::kInvalidArgument, "niceness must be 0 to ", kMostNice,
            ", not ", niceness_);
  if (request.at("forTests").as_bool()) jobs_ = JobSet::kWithThoseOfTests;
  request.check_all_read();
  thread_ = std::thread(
      [this, threads, state = std::move(state)]() mutable { run_loop(std::move(state), static_cast<int>(threads)); });
}

Engine::~Engine() { stop(); }

void Engine::submit(uint64_t id, const std::string& kind, Json request, TensorMap tensors, JobCallbacks callbacks) {
  auto job = std::make_shared<QueuedJob>(id, kind, jobs_, std::move(request));
  job->tensors = std::move(tensors);
  job->callbacks = std::move(callbacks);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) throw Error(ErrorCode::kDisposed, "the engine was disposed");
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void Engine::cancel(uint64_t id) {
  JobPointer dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const JobPointer& job : running_) {
      if (job->id == id) job->cancel();
    }
    const auto found = std::find_if(queue_.begin(), queue_.end(), [id](const auto& job) { return job->id == id; });
    if (found != queue_.end()) {
      dropped = std::move(*found);
      queue_.erase(found);
    }
  }
  if (dropped) dropped->drop(ErrorCode::kCancelled);
}

void Engine::begin_stop(std::function<void()> stopped) {
  std::deque<JobPointer> dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
    for (const JobPointer& job : running_) job->cancel_for_disposal();
    if (stopped && !stopped_ && !on_stopped_) {
      on_stopped_ = std::move(stopped);
      stopped = nullptr;
    }
  }
  wake_.notify_one();
  for (const JobPointer& job : dropped) job->drop(ErrorCode::kDisposed);
  if (stopped) stopped();  // the thread had ended before
}

void Engine::stop() {
  begin_stop();
  const std::lock_guard<std::mutex> lock(join_mutex_);
  if (thread_.joinable()) thread_.join();
}

bool Engine::stop_within(std::chrono::milliseconds patience) {
  begin_stop();
  const auto has_ended = [this] {
    const std::lock_guard<std::mutex> lock(mutex_);
    return stopped_;
  };
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!has_ended()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  stop();
  return true;
}

void Engine::run_loop(std::unique_ptr<EngineState> state, int threads) {
  const c10::NoGradGuard no_grad;  // thread-local, so it holds for every job; training jobs enable it again
  give_way(niceness_);
  if (threads > 0) at::set_num_threads(threads);
  for (bool more = true; more;) {
    try {
      JobPointer job = wait_for_job();
      more = job != nullptr;
      if (job) run(std::move(job), *state);
    } catch (...) {
      // An error could not be told, as where memory is out: what its jobs held is free again by now.
      fail_running();
    }
    forget_answered();
  }
  state.reset();
  std::function<void()> on_stopped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
    on_stopped = std::move(on_stopped_);
  }
  if (on_stopped) on_stopped();
}

Engine::JobPointer Engine::wait_for_job() {
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  if (queue_.empty()) return nullptr;
  running_.push_back(std::move(queue_.front()));
  queue_.pop_front();
  return running_.back();
}

void Engine::run(JobPointer job, EngineState& state) {
  if (job->kind.way == JobWay::kDraws) {
    run_joined(std::move(job), state);
  } else {
    run_alone(*job, state);
  }
}

void Engine::fail_running() noexcept {
  for (const JobPointer& job : running_) {  // this thread alone changes the list
    if (!job->answered) job->fail_at_last();
  }
}

void Engine::run_alone(QueuedJob& job, EngineState& state) {
  try {
    const CancelScope scope(job.cancelled);
    check_cancelled();
    forget_closed_files();
    // Kernels of our own are launched on the thread's current device.
    c10::OptionalDeviceGuard guard;
    if (state.device.is_cuda()) guard.reset_device(state.device);
    job.succeed(job.kind.run(state, job.request, job.tensors, job.sink()));
  } catch (...) {
    job.fail();
  }
}

void Engine::run_joined(JobPointer first, EngineState& state) {
  SamplingSession session(state, most_tokens_);
  session.join(std::move(first));
  while (true) {
    // One before each step: pictures go on, and are cancelled in time, while many come whose captions are encoded.
    if (JobPointer job = take_between_steps(session)) {
      if (job->kind.way == JobWay::kDraws) {
        session.join(std::move(job));
      } else {
        run_alone(*job, state);
      }
    }
    if (session.empty()) return;
    session.step();
    forget_answered();
  }
}

Engine::JobPointer Engine::take_between_steps(const SamplingSession& session) {
  JobPointer job;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (queue_.empty()) return nullptr;
    job = queue_.front();
  }
  const bool may_begin = job->kind.way == JobWay::kDraws ? session.has_room_for(*job) : job->kind.way == JobWay::kReads;
  if (!may_begin) return nullptr;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (queue_.empty() || queue_.front() != job)
    return nullptr;  // cancelled meanwhile: its successor may join a step later
  running_.push_back(job);
  queue_.pop_front();
  return job;
}

void Engine::forget_answered() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(running_, [](const JobPointer& job) { return job->answered; });
}

}  // namespace svg
