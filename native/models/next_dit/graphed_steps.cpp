#include "models/next_dit/graphed_steps.h"

#include <algorithm>
#include <atomic>

#include "core/cancel.h"
#include "core/error.h"
#include "ops/verified.h"

namespace svg {
namespace {

constexpr size_t kMostSeen = 32;  // shapes that are remembered, most of them without a recording

/// Each recording is verified by itself, so each has a name of its own.
std::string new_name(const NextDit& model, const StepShape& shape) {
  static std::atomic<int64_t> number{0};
  return concat("step graph ", ++number, " ", at::toString(model.dtype()), " ", model.config.dim, " of ", shape.rows,
                " rows, ", shape.grids.size(), " images, ", shape.image.size(), " sequences");
}

}  // namespace

size_t GraphedSteps::kept() const {
  return static_cast<size_t>(
      std::count_if(known_.begin(), known_.end(), [](const Recorded& one) { return one.graph != nullptr; }));
}

void GraphedSteps::make_room() {
  if (kept() < kMostKept) return;
  const auto oldest =
      std::find_if(known_.rbegin(), known_.rend(), [](const Recorded& one) { return one.graph != nullptr; });
  oldest->graph.reset();
  oldest->buffers.reset();
}

bool GraphedSteps::record(const NextDit& model, const StepInputs& inputs, Recorded& recorded) {
  try {
    auto buffers = std::make_unique<StepBuffers>(model, recorded.shape);
    buffers->set(inputs);
    // A recording that is broken off leaves a device in a state that nobody wants to think of.
    const std::atomic<bool> never{false};
    const CancelScope scope(never);
    std::unique_ptr<StepGraph> graph = recorder_(model.device(), [step = buffers.get()] { step->run(); });
    recorded.buffers = std::move(buffers);
    recorded.graph = std::move(graph);
    recorded.name = new_name(model, recorded.shape);
    return true;
  } catch (...) {
    const Error error = translate_current_exception();
    known_.clear();
    if (error.code() != ErrorCode::kOutOfMemory) {
      failed_ = true;
      distrust(new_name(model, StepShape(inputs)), error.what());
    }
    return false;
  }
}

at::Tensor GraphedSteps::replayed(Recorded& recorded) const {
  recorded.graph->replay();
  return recorded.buffers->patches().clone();  // the next replay writes over it
}

std::optional<at::Tensor> GraphedSteps::patches(const NextDit& model, const StepInputs& inputs) {
  const StepShape shape(inputs);
  if (failed_ || shape.rows > kMostRows) return std::nullopt;
  const auto found =
      std::find_if(known_.begin(), known_.end(), [&](const Recorded& one) { return one.shape == shape; });
  if (found == known_.end()) {
    known_.push_front({shape, nullptr, nullptr, {}});
    if (known_.size() > kMostSeen) known_.pop_back();
    return std::nullopt;
  }
  known_.splice(known_.begin(), known_, found);
  Recorded& recorded = known_.front();
  if (recorded.graph) {
    recorded.buffers->set(inputs);
  } else {
    make_room();
    if (!record(model, inputs, recorded)) return std::nullopt;
  }
  return verified(
      recorded.name, [&] { return replayed(recorded); },
      [&] {
        recorded.buffers->run();
        const at::Tensor want = recorded.buffers->patches().clone();
        recorded.buffers->patches().zero_();  // not to be found there by a replay that does nothing
        return want;
      });
}

}  // namespace svg
