#include "engine/queued_job.h"

#include <cstdio>

#include "io/mapped_file.h"
#include "ops/verified.h"

namespace svg {
namespace {

// Made while there is memory.
const Error kNoMemoryToTell(ErrorCode::kOutOfMemory, "out of host memory", "Free memory.");

const char* message_of(ErrorCode why) {
  return why == ErrorCode::kDisposed ? "the engine was disposed" : "the job was cancelled";
}

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

}  // namespace

void QueuedJob::drop(ErrorCode why) {
  const Error error(why, message_of(why));
  callbacks.done(&error, {});
}

EventSink QueuedJob::sink() {
  return [this](Json event, TensorMap given) {
    check_mapped_files();
    callbacks.event(std::move(event), std::move(given));
  };
}

/// {"type": "kernel-fault", "operation", "cause"}: from here on the plain operations take its place, slower.
void QueuedJob::tell_kernel_faults() const {
  for (const KernelFault& fault : take_kernel_faults()) {
    callbacks.event(
        Json::object().set("type", "kernel-fault").set("operation", fault.signature).set("cause", fault.cause), {});
  }
}

void QueuedJob::succeed(JobResult result) {
  check_mapped_files();
  request.check_all_read();
  tell_kernel_faults();
  answer(nullptr, std::move(result));
}

void QueuedJob::answer(const Error* error, JobResult result) {
  callbacks.done(error, std::move(result));
  answered = true;
  tensors.clear();
}

void QueuedJob::fail() {
  Error error = cause_of_failure();
  tell_kernel_faults();
  const bool by_disposal = error.code() == ErrorCode::kCancelled && disposed;
  if (by_disposal) error = Error(ErrorCode::kDisposed, message_of(ErrorCode::kDisposed));
  answer(&error, {});
}

void QueuedJob::fail_at_last() noexcept {
  try {
    fail();
    return;
  } catch (...) {
    tensors.clear();  // may be the memory that is missing
  }
  try {
    answer(&kNoMemoryToTell, {});
  } catch (...) {
    answered = true;
    std::fputs("svg-t2i: a job has failed, and there is no memory to say so\n", stderr);
  }
}

}  // namespace svg
