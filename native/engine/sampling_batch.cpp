#include "engine/sampling_batch.h"

#include <algorithm>
#include <optional>

#include "core/cancel.h"
#include "core/error.h"
#include "ops/whole_blocks.h"

namespace svg {
namespace {

constexpr int64_t kGoodSteps = 16;  // so long a limit stands before it is raised by a quarter

/// Under its own cancellation: previews are decoded in between.
std::exception_ptr go_on(SamplingTask& task, std::span<const at::Tensor> velocities, const DeviceLap& lap) {
  try {
    const CancelScope scope(task.cancelled());
    task.answer(velocities, lap);
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace

SamplingBatch::Failures SamplingBatch::step(const std::vector<SamplingTask*>& tasks) {
  Failures failures(tasks.size());
  std::vector<size_t> group;
  int64_t cells = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i]->cancelled()) {
      failures[i] = std::make_exception_ptr(Error(ErrorCode::kCancelled, "the job was cancelled"));
      continue;
    }
    const int64_t more = tasks[i]->cells();
    if (!group.empty() && cells + more > most_cells_) {
      step_group(tasks, group, failures);
      group.clear();
      cells = 0;
    }
    group.push_back(i);
    cells += more;
  }
  if (!group.empty()) step_group(tasks, group, failures);
  share_more();
  return failures;
}

void SamplingBatch::share_less(int64_t cells) {
  most_cells_ = cells / 2;
  good_steps_ = 0;
}

// What took the memory may have gone.
void SamplingBatch::share_more() {
  if (most_cells_ == std::numeric_limits<int64_t>::max() || ++good_steps_ < kGoodSteps) return;
  const int64_t more = most_cells_ / 4 + 1;
  most_cells_ = more < std::numeric_limits<int64_t>::max() - most_cells_ ? most_cells_ + more
                                                                         : std::numeric_limits<int64_t>::max();
  good_steps_ = 0;
}

// A device always has work, and yet what is told of a step is true of the one before: cancelling takes effect within
// two.
void SamplingBatch::wait_for_the_one_before(const DeviceLap& given) {
  if (before_) before_->wait();
  before_ = given;
}

void SamplingBatch::step_group(const std::vector<SamplingTask*>& tasks, const std::vector<size_t>& group,
                               Failures& failures) {
  std::vector<GuidedQuery> queries;
  std::vector<size_t> counts;
  std::vector<const std::atomic<bool>*> flags;
  int64_t cells = 0;
  for (const size_t i : group) {
    const std::vector<GuidedQuery> own = tasks[i]->queries();
    queries.insert(queries.end(), own.begin(), own.end());
    counts.push_back(own.size());
    flags.push_back(&tasks[i]->cancelled());
    cells += tasks[i]->cells();
  }
  std::vector<at::Tensor> velocities;
  std::optional<DeviceLap> lap;
  std::exception_ptr failure;
  bool of_memory = false;
  try {
    const CancelScope scope(std::move(flags));
    check_cancelled();
    lap.emplace(device_);
    // Alone a task keeps the bits that it has without a batch.
    std::optional<WholeBlocks> blocks;
    if (group.size() > 1) blocks.emplace();
    velocities = guided_->velocity(queries);
    lap->stop();
    wait_for_the_one_before(*lap);
  } catch (...) {
    failure = std::current_exception();
    of_memory = translate_current_exception().code() == ErrorCode::kOutOfMemory;
  }
  if (failure && group.size() == 1) {
    failures[group[0]] = failure;
    return;
  }
  if (failure) {
    for (const size_t i : group) step_group(tasks, {i}, failures);
    // Where each could be drawn alone it is sharing that failed, and would fail at every step.
    const auto is_well = [&](size_t i) { return failures[i] == nullptr; };
    if (of_memory || std::all_of(group.begin(), group.end(), is_well)) share_less(cells);
    return;
  }
  size_t first = 0;
  for (size_t k = 0; k < group.size(); ++k) {
    failures[group[k]] = go_on(*tasks[group[k]], std::span(velocities).subspan(first, counts[k]), *lap);
    first += counts[k];
  }
}

}  // namespace svg
