#include "engine/sampling_session.h"

#include <algorithm>

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

/// Of the error in hand, in a catch block.
bool is_of_memory() { return translate_current_exception().code() == ErrorCode::kOutOfMemory; }

}  // namespace

size_t SamplingSession::drawing() const {
  return static_cast<size_t>(
      std::count_if(members_.begin(), members_.end(), [](const Member& member) { return !member.done(); }));
}

bool SamplingSession::somebody_waits() const {
  const auto waits = [](const Member& member) { return member.fewer_than != kAnyNumber; };
  return joining_ || std::any_of(members_.begin(), members_.end(), waits);
}

bool SamplingSession::has_room_for(const QueuedJob& job) const {
  if (empty()) return true;
  if (somebody_waits()) return false;
  int64_t tokens = 0;
  for (const Member& member : members_) tokens += member.tokens;
  try {
    return tokens + SampleRequest::image_tokens(state_, job.request) <= most_tokens_ && memory_suffices(job);
  } catch (const Error&) {
    return true;  // what is wrong with it is told when it joins
  }
}

bool SamplingSession::memory_suffices(const QueuedJob& job) const {
  VelocityLoad all = SampleRequest::read(state_, job.request, job.tensors).load(*state_.velocity_model);
  for (const Member& member : members_) {
    all.pictures.insert(all.pictures.end(), member.load.pictures.begin(), member.load.pictures.end());
    all.guided = all.guided || member.load.guided;
    all.step_cache = all.step_cache || member.load.step_cache;
  }
  return DrawingMemory(state_, std::move(all)).fits();
}

void SamplingSession::join(std::shared_ptr<QueuedJob> job) {
  std::shared_ptr<const DrawingMemory> memory;
  try {
    const CancelScope scope(job->cancelled);
    check_cancelled();
    if (!batch_) begin();
    SampleRequest request = SampleRequest::read(state_, job->request, job->tensors);
    const int64_t tokens = SampleRequest::image_tokens(state_, job->request);
    VelocityLoad load = request.load(*state_.velocity_model);
    memory = std::make_shared<DrawingMemory>(state_, load);
    memory->check();
    auto drawn =
        std::make_unique<SampleJob>(state_, *batch_, std::move(request), job->tensors, job->sink(), job->cancelled);
    members_.push_back({job, tokens, std::move(load), memory, std::move(drawn)});
  } catch (...) {
    const size_t others = drawing();
    if (others > 0 && is_of_memory()) {
      joining_ = Joining{std::move(job), others};
    } else {
      fail_with(*job, memory.get());
    }
  }
}

void SamplingSession::begin() {
  forget_closed_files();
  // Kernels of our own are launched on the thread's current device.
  if (state_.device.is_cuda()) device_.reset_device(state_.device);
  batch_.emplace(require(state_.velocity_model, "DiT"));
}

void SamplingSession::step() {
  draw();
  finish_those_done();
  if (joining_ && (drawing() < joining_->fewer_than || joining_->job->cancelled)) {
    std::shared_ptr<QueuedJob> job = std::move(joining_->job);
    joining_.reset();
    join(std::move(job));
  }
}

void SamplingSession::draw() {
  std::vector<SamplingTask*> tasks;
  std::vector<const Member*> drawn;
  for (const Member& member : members_) {
    if (member.done()) continue;
    tasks.push_back(&member.drawn->task());
    drawn.push_back(&member);
  }
  if (tasks.empty()) return;
  const SamplingBatch::Failures failures = batch_->step(tasks);
  for (size_t i = 0; i < drawn.size(); ++i) {
    if (!failures[i]) continue;
    try {
      std::rethrow_exception(failures[i]);
    } catch (...) {
      fail_with(*drawn[i]->job, drawn[i]->memory.get());
    }
  }
  forget_answered();
}

void SamplingSession::finish_those_done() {
  const size_t others = drawing();
  for (Member& member : members_) {
    if (member.done() && (others < member.fewer_than || member.job->cancelled)) finish(member, others);
  }
  forget_answered();
}

void SamplingSession::forget_answered() {
  std::erase_if(members_, [](const Member& member) { return member.job->answered; });
}

void SamplingSession::finish(Member& member, size_t drawing) {
  try {
    const CancelScope scope(member.job->cancelled);
    member.job->succeed(member.drawn->finish());
  } catch (...) {
    if (drawing > 0 && is_of_memory()) {
      member.fewer_than = drawing;
    } else {
      fail_with(*member.job, member.memory.get());
    }
  }
}

}  // namespace svg
