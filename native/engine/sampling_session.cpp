#include "engine/sampling_session.h"

#include "core/cancel.h"
#include "io/mapped_file.h"

namespace svg {
namespace {

/// Of the error in hand, in a catch block: one of memory with what is needed, free and of help.
void fail_with(QueuedJob& job, const DrawingMemory* memory) {
  if (!memory) return job.fail();
  try {
    throw memory->told(translate_current_exception());
  } catch (...) {
    job.fail();
  }
}

}  // namespace

bool SamplingSession::has_room_for(const QueuedJob& job) const {
  if (members_.empty()) return true;
  int64_t tokens = 0;
  for (const Member& member : members_) tokens += member.tokens;
  try {
    return tokens + SampleRequest::image_tokens(state_, job.request) <= most_tokens_;
  } catch (const Error&) {
    return true;  // what is wrong with it is told when it joins
  }
}

void SamplingSession::join(std::shared_ptr<QueuedJob> job) {
  std::shared_ptr<const DrawingMemory> memory;
  try {
    const CancelScope scope(job->cancelled);
    check_cancelled();
    if (!batch_) begin();
    SampleRequest request = SampleRequest::read(state_, job->request, job->tensors);
    const int64_t tokens = SampleRequest::image_tokens(state_, job->request);
    memory = std::make_shared<DrawingMemory>(state_, request.load(*state_.velocity_model));
    memory->check();
    auto drawn =
        std::make_unique<SampleJob>(state_, *batch_, std::move(request), job->tensors, job->sink(), job->cancelled);
    members_.push_back({job, tokens, memory, std::move(drawn)});
  } catch (...) {
    fail_with(*job, memory.get());
  }
}

void SamplingSession::begin() {
  forget_closed_files();
  // Kernels of our own are launched on the thread's current device.
  if (state_.device.is_cuda()) device_.reset_device(state_.device);
  batch_.emplace(require(state_.velocity_model, "DiT"));
}

void SamplingSession::step() {
  std::vector<SamplingTask*> tasks;
  for (const Member& member : members_) tasks.push_back(&member.drawn->task());
  const SamplingBatch::Failures failures = batch_->step(tasks);
  for (size_t i = 0; i < members_.size(); ++i) {
    Member& member = members_[i];
    if (failures[i]) {
      try {
        std::rethrow_exception(failures[i]);
      } catch (...) {
        fail_with(*member.job, member.memory.get());
      }
    } else if (member.drawn->task().done()) {
      finish(member);
    }
  }
  std::erase_if(members_, [](const Member& member) { return member.job->answered; });
}

void SamplingSession::finish(Member& member) {
  try {
    const CancelScope scope(member.job->cancelled);
    member.job->succeed(member.drawn->finish());
  } catch (...) {
    fail_with(*member.job, member.memory.get());
  }
}

}  // namespace svg
