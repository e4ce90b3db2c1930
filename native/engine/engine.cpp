#include "engine/engine.h"

#include <ATen/Parallel.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <atomic>

#include "core/cancel.h"
#include "engine/device.h"
#include "engine/state.h"
#include "io/mapped_file.h"
#include "ops/verified.h"

namespace svg {

struct Engine::Job {
  Job(uint64_t number, const std::string& kind, JobSet set, Json json)
      : id(number), handler(find_job(kind, set)), request(std::move(json), kind) {}

  uint64_t id;
  JobHandler handler;
  Request request;
  TensorMap tensors;
  JobCallbacks callbacks;
  std::atomic<bool> cancelled{false};
};

namespace {

const Error kDisposedError(ErrorCode::kDisposed, "the engine was disposed");
const Error kCancelledError(ErrorCode::kCancelled, "the job was cancelled");

// Call inside a catch block. Zeros in place of a file's bytes fail in many ways: the file is what is told of.
Error cause_of_failure() {
  const Error error = translate_current_exception();
  if (error.code() == ErrorCode::kCancelled) return error;
  try {
    check_mapped_files();
  } catch (const Error& lost) {
    return lost;
  }
  return error;
}

/// {"type": "kernel-fault", "operation", "cause"}: from here on the plain operations take its place, slower.
void tell_kernel_faults(const JobCallbacks& callbacks) {
  for (const KernelFault& fault : take_kernel_faults()) {
    callbacks.event(
        Json::object().set("type", "kernel-fault").set("operation", fault.signature).set("cause", fault.cause), {});
  }
}

}  // namespace

Engine::Engine(const Json& options) {
  const Request request(options, "engine");
  const int64_t threads = request.at("threads").as_int();
  SVG_CHECK(threads >= 0 && threads <= 1024, ErrorCode::kInvalidArgument, "threads must be 0 to 1024, not ", threads);
  auto state = std::make_unique<EngineState>();
  state->device = parse_device(request.at("device").as_string());
  if (request.at("forTests").as_bool()) jobs_ = JobSet::kWithThoseOfTests;
  request.check_all_read();
  thread_ = std::thread(
      [this, threads, state = std::move(state)]() mutable { run_loop(std::move(state), static_cast<int>(threads)); });
}

Engine::~Engine() { stop(); }

void Engine::submit(uint64_t id, const std::string& kind, Json request, TensorMap tensors, JobCallbacks callbacks) {
  auto job = std::make_shared<Job>(id, kind, jobs_, std::move(request));
  job->tensors = std::move(tensors);
  job->callbacks = std::move(callbacks);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) throw kDisposedError;
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void Engine::cancel(uint64_t id) {
  std::shared_ptr<Job> dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (running_ && running_->id == id) running_->cancelled = true;
    const auto found = std::find_if(queue_.begin(), queue_.end(), [id](const auto& job) { return job->id == id; });
    if (found != queue_.end()) {
      dropped = std::move(*found);
      queue_.erase(found);
    }
  }
  if (dropped) dropped->callbacks.done(&kCancelledError, {});
}

void Engine::begin_stop(std::function<void()> stopped) {
  std::deque<std::shared_ptr<Job>> dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
    if (running_) running_->cancelled = true;
    if (stopped && !stopped_ && !on_stopped_) {
      on_stopped_ = std::move(stopped);
      stopped = nullptr;
    }
  }
  wake_.notify_one();
  for (const auto& job : dropped) job->callbacks.done(&kDisposedError, {});
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
  if (threads > 0) at::set_num_threads(threads);
  while (true) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) break;
      job = std::move(queue_.front());
      queue_.pop_front();
      running_ = job;
    }
    run_job(*job, *state);
    const std::lock_guard<std::mutex> lock(mutex_);
    running_.reset();
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

void Engine::run_job(Job& job, EngineState& state) {
  // Weights that went away under their map read as zeros: nothing made of them may get out.
  const EventSink emit = [&job](Json event, TensorMap tensors) {
    check_mapped_files();
    job.callbacks.event(std::move(event), std::move(tensors));
  };
  try {
    const CancelScope scope(job.cancelled);
    check_cancelled();
    forget_closed_files();
    // Kernels of our own are launched on the thread's current device.
    c10::OptionalDeviceGuard guard;
    if (state.device.is_cuda()) guard.reset_device(state.device);
    JobResult result = job.handler(state, job.request, job.tensors, emit);
    check_mapped_files();
    job.request.check_all_read();
    tell_kernel_faults(job.callbacks);
    job.callbacks.done(nullptr, std::move(result));
  } catch (...) {
    Error error = cause_of_failure();
    tell_kernel_faults(job.callbacks);
    if (error.code() == ErrorCode::kCancelled) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) error = kDisposedError;
    }
    job.callbacks.done(&error, {});
  }
  job.tensors.clear();
}

}  // namespace svg
