// Steps of few rows, recorded by their shape and launched as one: the host takes longer to launch their kernels one by
// one than a GPU takes to run them.
#pragma once

#include <ATen/ATen.h>

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/next_dit/step_buffers.h"
#include "ops/step_graph.h"

namespace svg {

/// Of one model, whose weights the recordings read. One thread alone.
class GraphedSteps {
 public:
  explicit GraphedSteps(StepRecorder recorder) : recorder_(std::move(recorder)) {}

  /// Rows that a recorded step has at most: more keep the GPU busy longer than the host.
  static constexpr int64_t kMostRows = 4096;
  /// Recordings that are kept, those that were used last.
  static constexpr size_t kMostKept = 8;

  /// The step's patches, as StepBuffers gives them, by a recording of its shape, which is made when that comes for the
  /// second time. Nothing for a step that is to run as it is: of a shape that is new or large, or where a recording has
  /// failed, which is a kernel's fault of the process (ops/verified.h). Out of memory gives up the recordings alone.
  std::optional<at::Tensor> patches(const NextDit& model, const StepInputs& inputs);

  /// Recordings that are kept now.
  size_t kept() const;

 private:
  struct Recorded {
    StepShape shape;
    std::unique_ptr<StepBuffers> buffers;  // without one: seen once
    std::unique_ptr<StepGraph> graph;
    std::string name;  // of the graph, as verified() and faults have it
  };

  bool record(const NextDit& model, const StepInputs& inputs, Recorded& recorded);
  at::Tensor replayed(Recorded& recorded) const;
  void make_room();

  StepRecorder recorder_;
  std::list<Recorded> known_;  // the one that was used last in front
  bool failed_ = false;
};

}  // namespace svg
