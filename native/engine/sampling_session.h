// The `sample` jobs that are drawn at one time: others join between two steps, and each is answered when it is done.
#pragma once

#include <c10/core/DeviceGuard.h>

#include <memory>
#include <optional>
#include <vector>

#include "engine/drawing_memory.h"
#include "engine/queued_job.h"
#include "engine/sample_job.h"

namespace svg {

/// The engine's thread alone. No error leaves it: each is the answer to its own job.
class SamplingSession {
 public:
  /// `most_tokens`: of the latents that are drawn at one time; a job that is alone may have more.
  SamplingSession(EngineState& state, int64_t most_tokens) : state_(state), most_tokens_(most_tokens) {}

  bool empty() const { return members_.empty(); }
  bool has_room_for(const QueuedJob& job) const;
  /// Encodes what the job is conditioned on; its first step is the next one.
  void join(std::shared_ptr<QueuedJob> job);
  /// One evaluation for all, then the answers of those that are done.
  void step();

 private:
  struct Member {
    std::shared_ptr<QueuedJob> job;
    int64_t tokens = 0;
    std::shared_ptr<const DrawingMemory> memory;
    std::unique_ptr<SampleJob> drawn;
  };

  void begin();
  static void finish(Member& member);

  EngineState& state_;
  int64_t most_tokens_;
  c10::OptionalDeviceGuard device_;
  std::optional<SamplingBatch> batch_;
  std::vector<Member> members_;  // in the order in which they came
};

}  // namespace svg
