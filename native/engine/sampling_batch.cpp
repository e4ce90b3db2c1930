#include "engine/sampling_batch.h"

#include <optional>

#include "core/cancel.h"
#include "core/error.h"
#include "core/stopwatch.h"
#include "ops/whole_blocks.h"

namespace svg {
namespace {

/// Under its own cancellation: previews are decoded in between.
std::exception_ptr go_on(SamplingTask& task, std::span<const at::Tensor> velocities, double seconds) {
  try {
    const CancelScope scope(task.cancelled());
    task.answer(velocities, seconds);
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
  return failures;
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
  double seconds = 0;
  std::exception_ptr failure;
  try {
    const CancelScope scope(std::move(flags));
    check_cancelled();
    Stopwatch watch(device_);
    watch.lap();
    // Alone a task keeps the bits that it has without a batch.
    std::optional<WholeBlocks> blocks;
    if (group.size() > 1) blocks.emplace();
    velocities = guided_->velocity(queries);
    seconds = watch.lap();
  } catch (...) {
    failure = std::current_exception();
    const bool memory = translate_current_exception().code() == ErrorCode::kOutOfMemory;
    if (memory && group.size() > 1) most_cells_ = cells / 2;
  }
  if (failure && group.size() == 1) {
    failures[group[0]] = failure;
    return;
  }
  if (failure) {
    for (const size_t i : group) step_group(tasks, {i}, failures);
    return;
  }
  size_t first = 0;
  for (size_t k = 0; k < group.size(); ++k) {
    failures[group[k]] = go_on(*tasks[group[k]], std::span(velocities).subspan(first, counts[k]), seconds);
    first += counts[k];
  }
}

}  // namespace svg
