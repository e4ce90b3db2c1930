// The `sample` jobs that are drawn at one time: others join between two steps, and each is answered when it is done.
// What finds no memory beside the others, captions or a decoder, is tried again when fewer are drawn.
#pragma once

#include <c10/core/DeviceGuard.h>

#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "engine/drawing_memory.h"
#include "engine/queued_job.h"
#include "engine/sample_job.h"

namespace svg {

/// The engine's thread alone. An error is the answer to its own job; it leaves only where telling it fails.
class SamplingSession {
 public:
  /// `most_tokens`: of the latents that are drawn at one time; a job that is alone may have more.
  SamplingSession(EngineState& state, int64_t most_tokens) : state_(state), most_tokens_(most_tokens) {}

  bool empty() const { return members_.empty() && !joining_; }
  /// Whether it may join now; one that may not, as long as others wait for memory, keeps its place in the queue.
  bool has_room_for(const QueuedJob& job) const;
  /// Encodes what the job is conditioned on; its first step is the next one.
  void join(std::shared_ptr<QueuedJob> job);
  /// One evaluation for all, then the answers of those that are done.
  void step();

 private:
  struct Member {
    std::shared_ptr<QueuedJob> job;
    int64_t tokens = 0;
    VelocityLoad load;
    std::shared_ptr<const DrawingMemory> memory;
    std::unique_ptr<SampleJob> drawn;
    size_t fewer_than = kAnyNumber;  // its pictures are decoded while so many are drawn

    bool done() const { return drawn->task().done(); }
  };
  struct Joining {
    std::shared_ptr<QueuedJob> job;
    size_t fewer_than = 0;
  };
  static constexpr size_t kAnyNumber = std::numeric_limits<size_t>::max();

  void begin();
  /// How many are not done.
  size_t drawing() const;
  bool somebody_waits() const;
  bool memory_suffices(const QueuedJob& job) const;
  void draw();
  void finish_those_done();
  static void finish(Member& member, size_t drawing);
  void forget_answered();

  EngineState& state_;
  int64_t most_tokens_;
  c10::OptionalDeviceGuard device_;
  std::optional<SamplingBatch> batch_;
  std::vector<Member> members_;     // in the order in which they came
  std::optional<Joining> joining_;  // waits for memory
};

}  // namespace svg
