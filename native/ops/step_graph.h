// Operations on tensors that stay where they are, recorded once and then given to a GPU as one launch: a step of few
// rows takes the host longer to launch than the GPU to compute.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <memory>

namespace svg {

/// What was recorded. It reads and writes the very memory that `body` did: its tensors outlive it.
class StepGraph {
 public:
  virtual ~StepGraph() = default;
  /// All of it again, on the current stream.
  virtual void replay() = 0;
};

/// Runs `body` once as it is, so that nothing in it is new, and once more to record it: what it wrote is then undefined
/// until the first replay. `body` waits for nothing and reads no values on the host. Throws what the recording throws,
/// with the device as it was before.
using StepRecorder = std::function<std::unique_ptr<StepGraph>(at::Device device, std::function<void()> body)>;

/// CUDA graphs, where this build has kernels for the device; none elsewhere.
StepRecorder step_recorder(at::Device device);

/// The twin without a GPU: replays by calling `body`.
std::unique_ptr<StepGraph> repeated_step(at::Device device, std::function<void()> body);

}  // namespace svg
