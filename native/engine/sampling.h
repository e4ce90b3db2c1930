// A job's pictures on their way from noise to latents: what they ask of the model next, and what becomes of the answer.
#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/device_lap.h"
#include "diffusion/sampler.h"
#include "models/part.h"

namespace svg {

/// Called after each solver step of the pictures from `first` on. `predicted` are the data that their last velocities
/// point to, (C, h, w) fp32 each: what a preview shows.
using SampleStepFn =
    std::function<void(const SolverProgress& progress, size_t first, const std::vector<at::Tensor>& predicted)>;

struct SampledLatents {
  std::vector<at::Tensor> latents;          // (C, h, w) fp32
  std::vector<VelocityCounts> evaluations;  // of each picture, what the model computed
  std::vector<VelocityCounts> reused;       // of each picture, what its step cache gave beside
  double model_seconds = 0;                 // of the evaluations that it took part in, with whomever it shared them
};

/// Pictures to be drawn by one solver, each with a size and a guidance of its own.
struct PicturesToSample {
  std::vector<GuidedItem> items;
  std::vector<at::Tensor> noise;  // (C, h, w) fp32 of each, on the model's device
  SamplerOptions solver;
};

/// The pictures do not see each other. Those of a fixed grid go through the solver as one state; an adaptive solver,
/// whose step size would couple them, has a run for each.
class SamplingTask {
 public:
  /// Adds the pictures to `guided`, which outlives the task. `cancelled` ends it early, whoever it shares an evaluation
  /// with. Throws as GuidedVelocity::add().
  SamplingTask(GuidedVelocity& guided, PicturesToSample pictures, SampleStepFn on_step,
               const std::atomic<bool>& cancelled);
  ~SamplingTask();
  SamplingTask(const SamplingTask&) = delete;
  SamplingTask& operator=(const SamplingTask&) = delete;

  const std::atomic<bool>& cancelled() const { return cancelled_; }
  bool done() const;
  /// Latent positions of the pictures that are not done.
  int64_t cells() const;
  /// One query for each picture that is not done, in the order in which answer() wants their velocities.
  std::vector<GuidedQuery> queries() const;
  /// Goes on to the next queries; `lap` is that of these. Throws what `on_step` and the solver throw.
  void answer(std::span<const at::Tensor> velocities, const DeviceLap& lap);
  /// Once it is done. Waits for the device. Throws Error(kNumeric) where a latent is not finite.
  SampledLatents result() const;

 private:
  /// Pictures of one solver's state, one row after the other: solvers treat every element alike.
  struct Run {
    size_t first = 0, count = 0;
    std::optional<SolverRun> solver;
    at::Tensor predicted;  // by the last velocity
  };

  void start(size_t first, size_t count);
  void leave();
  std::vector<at::Tensor> split(const Run& run, const at::Tensor& flat) const;

  GuidedVelocity& guided_;
  PicturesToSample pictures_;
  SampleStepFn on_step_;
  const std::atomic<bool>& cancelled_;
  std::vector<int64_t> numbers_;            // of the pictures in guided_
  std::vector<std::unique_ptr<Run>> runs_;  // the solver's hook points to its run
  std::vector<VelocityCounts> asked_;       // of each picture
  std::vector<DeviceLap> laps_;             // of the model
};

}  // namespace svg
