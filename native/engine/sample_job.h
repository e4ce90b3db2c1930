// The job that draws: conditions and noise, latents beside those of other jobs, pictures.
#pragma once

#include <atomic>
#include <optional>

#include "core/stopwatch.h"
#include "engine/job.h"
#include "engine/sample_request.h"
#include "engine/sampling_batch.h"
#include "engine/state.h"

namespace svg {

/// SampleRequest::read, and optionally the tensors noise.I (C, h, w);
/// -> {"timings", "evaluations"}: seconds of encode, sample (of them in the model: model) and decode; for each item how
/// many {"conditional", "unconditional"} velocities the model computed and how many of both its step cache gave beside
/// ("reused"); with image.I uint8 (H, W, 3), and latent.I
/// (C, h, w) and decoded.I (3, H, W) where asked for. All items go through the solver together, those of an adaptive
/// one each with its own steps. Events: encode, step and preview (tensor "image") with the item that they are of,
/// decode. Of a job that shares its evaluations, sample is the time from its first to its last step, with what others
/// did in between, and model that of the evaluations that it took part in; encode and decode are its own.
class SampleJob {
 public:
  /// Encodes its captions and takes its place in the batch. All arguments but the request outlive the job.
  SampleJob(EngineState& state, SamplingBatch& batch, SampleRequest request, const TensorMap& tensors, EventSink emit,
            const std::atomic<bool>& cancelled);

  SamplingTask& task() { return *task_; }
  /// Decodes what the task has drawn, once it is done. After a failure it may be called again, and goes on with the
  /// picture that failed.
  JobResult finish();

 private:
  PicturesToSample pictures(const TensorMap& tensors);
  at::Tensor decode(const at::Tensor& latent) const;
  /// nullopt where memory does not suffice for it: the picture itself goes on without.
  std::optional<at::Tensor> preview(const at::Tensor& predicted) const;
  void finish_picture(size_t picture, const at::Tensor& latent);
  void tell_step(const SolverProgress& done, size_t first, const std::vector<at::Tensor>& predicted) const;

  EngineState& state_;
  const VelocityModel& model_;
  SampleRequest request_;
  EventSink emit_;
  Stopwatch watch_;
  double encode_seconds_ = 0;
  std::optional<double> sample_seconds_;  // once it is done
  TensorMap pictures_;                    // those that are decoded
  size_t told_ = 0, decoded_ = 0;         // of these, and of the events before them, how many
  std::optional<SamplingTask> task_;
};

}  // namespace svg
