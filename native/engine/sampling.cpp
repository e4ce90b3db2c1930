#include "engine/sampling.h"

#include <algorithm>

#include "core/cancel.h"
#include "core/error.h"

namespace svg {
namespace {

at::Tensor flatten_all(std::span<const at::Tensor> tensors) {
  std::vector<at::Tensor> flat;
  for (const at::Tensor& tensor : tensors) flat.push_back(tensor.reshape({-1}));
  return flat.size() == 1 ? flat[0] : at::cat(flat);
}

}  // namespace

SamplingTask::SamplingTask(GuidedVelocity& guided, PicturesToSample pictures, SampleStepFn on_step,
                           const std::atomic<bool>& cancelled)
    : guided_(guided),
      pictures_(std::move(pictures)),
      on_step_(std::move(on_step)),
      cancelled_(cancelled),
      asked_(pictures_.items.size()) {
  const size_t count = pictures_.items.size();
  SVG_CHECK(count > 0 && pictures_.noise.size() == count, ErrorCode::kInternal, "[sampling] ", pictures_.noise.size(),
            " noises for ", count, " pictures");
  const std::vector<double> times = model_times(pictures_.solver);
  try {
    for (const GuidedItem& item : pictures_.items) numbers_.push_back(guided_.add(item, times));
    const size_t together = pictures_.solver.adaptive() ? 1 : count;
    for (size_t first = 0; first < count; first += together) start(first, together);
  } catch (...) {
    leave();
    throw;
  }
}

SamplingTask::~SamplingTask() { leave(); }

void SamplingTask::leave() {
  for (const int64_t number : numbers_) guided_.remove(number);
  numbers_.clear();
}

void SamplingTask::start(size_t first, size_t count) {
  runs_.push_back(std::make_unique<Run>(Run{first, count, std::nullopt, {}}));
  Run* run = runs_.back().get();
  const StepFn progress = [this, run](const SolverProgress& done, SolverState&) {
    check_cancelled();
    if (on_step_) on_step_(done, run->first, split(*run, run->predicted));
  };
  const std::span<const at::Tensor> noise = std::span(pictures_.noise).subspan(first, count);
  run->solver = start_run(pictures_.solver, flatten_all(noise), progress);
}

std::vector<at::Tensor> SamplingTask::split(const Run& run, const at::Tensor& flat) const {
  std::vector<at::Tensor> parts;
  int64_t start = 0;
  for (size_t i = run.first; i < run.first + run.count; ++i) {
    const at::Tensor& shape = pictures_.noise[i];
    parts.push_back(flat.narrow(0, start, shape.numel()).view(shape.sizes()));
    start += shape.numel();
  }
  return parts;
}

bool SamplingTask::done() const {
  return std::all_of(runs_.begin(), runs_.end(), [](const auto& run) { return !run->solver->pending(); });
}

int64_t SamplingTask::cells() const {
  int64_t cells = 0;
  for (const auto& run : runs_) {
    if (!run->solver->pending()) continue;
    for (size_t i = run->first; i < run->first + run->count; ++i) {
      cells += pictures_.items[i].cells.rows * pictures_.items[i].cells.columns;
    }
  }
  return cells;
}

std::vector<GuidedQuery> SamplingTask::queries() const {
  std::vector<GuidedQuery> queries;
  for (const auto& run : runs_) {
    const VelocityQuery* asked = run->solver->pending();
    if (!asked) continue;
    const std::vector<at::Tensor> latents = split(*run, asked->x);
    for (size_t i = 0; i < latents.size(); ++i) {
      queries.push_back({numbers_[run->first + i], latents[i], asked->when});
    }
  }
  return queries;
}

void SamplingTask::answer(std::span<const at::Tensor> velocities, const DeviceLap& lap) {
  laps_.push_back(lap);
  size_t next = 0;
  for (const auto& run : runs_) {
    const VelocityQuery* asked = run->solver->pending();
    if (!asked) continue;
    SVG_CHECK(next + run->count <= velocities.size(), ErrorCode::kInternal, "[sampling] ", velocities.size(),
              " velocities are too few");
    const at::Tensor v = flatten_all(velocities.subspan(next, run->count));
    next += run->count;
    for (size_t i = run->first; i < run->first + run->count; ++i) {
      const GuidanceNeeds needs = pictures_.items[i].guidance.needs(asked->when);
      asked_[i].conditional += needs.conditional;
      asked_[i].unconditional += needs.unconditional;
    }
    if (on_step_) run->predicted = asked->x + (1 - asked->when.t) * v;
    run->solver->resume(v);
  }
}

SampledLatents SamplingTask::result() const {
  SampledLatents all{{}, asked_, {}};
  for (const DeviceLap& lap : laps_) all.model_seconds += lap.seconds();
  for (size_t i = 0; i < asked_.size(); ++i) {
    all.reused.push_back(guided_.reused(numbers_[i]));
    all.evaluations[i].conditional -= all.reused[i].conditional;
    all.evaluations[i].unconditional -= all.reused[i].unconditional;
  }
  for (const auto& run : runs_) {
    const at::Tensor& flat = run->solver->result();
    SVG_CHECK(flat.isfinite().all().item<bool>(), ErrorCode::kNumeric,
              "the latents hold NaN or infinity: the weights, the noise or the guidance scale are not sound");
    for (const at::Tensor& latent : split(*run, flat)) all.latents.push_back(latent);
  }
  return all;
}

}  // namespace svg
