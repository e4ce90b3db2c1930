// Tasks of several jobs, evaluated together step by step. What goes wrong for one of them ends that one alone.
#pragma once

#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "engine/sampling.h"

namespace svg {

class SamplingBatch {
 public:
  /// Keeps a reference to the model.
  explicit SamplingBatch(const VelocityModel& model) : device_(model.device()), guided_(model.guide()) {}

  /// Where the tasks of this batch have their pictures.
  GuidedVelocity& guided() { return *guided_; }

  /// What a task failed with; nullptr where it went on.
  using Failures = std::vector<std::exception_ptr>;

  /// One evaluation for every task; none of them is done. One that was cancelled fails before it; the evaluation itself
  /// is broken off only where all who share it are cancelled. Where a joint evaluation fails each task is tried alone,
  /// and fewer share the next ones; when these have gone well for some time, more again.
  Failures step(const std::vector<SamplingTask*>& tasks);

 private:
  void step_group(const std::vector<SamplingTask*>& tasks, const std::vector<size_t>& group, Failures& failures);

  at::Device device_;
  std::unique_ptr<GuidedVelocity> guided_;
  /// The host is at most one evaluation ahead of the device.
  void wait_for_the_one_before(const DeviceLap& given);
  /// `cells` shared one that failed, or one that went well.
  void share_less(int64_t cells);
  void share_more();

  int64_t most_cells_ = std::numeric_limits<int64_t>::max();  // of a joint evaluation
  std::optional<DeviceLap> before_;                           // the evaluation that was given last
  int64_t good_steps_ = 0;                                    // since that has changed
};

}  // namespace svg
