// One optimiser step of the diffusion transformer: flow-matching loss, clipping, AdamW, EMA.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "core/weights.h"
#include "distributed/parameter_sync.h"
#include "models/part.h"
#include "ops/block_runner.h"
#include "train/adamw.h"
#include "train/ema.h"
#include "train/gradients.h"

namespace svg {

/// Sample i: latent data[i] and noise[i] (C, H, W), time t[i] in [0, 1] (1 = data), conditions[i] as the model's
/// conditioner gives it.
struct DitBatch {
  std::vector<at::Tensor> data, noise;
  at::Tensor t;
  std::vector<at::Tensor> conditions;
};

/// (samples): mean squared error of each velocity against data - noise, at x_t = t data + (1 - t) noise.
/// Source: arXiv 2209.03003.
at::Tensor flow_matching_losses(const VelocityModel& model, const DitBatch& batch);

struct DitTrainerOptions {
  std::function<at::Tensor(const VelocityModel&, const DitBatch&)> losses = flow_matching_losses;
  AdamWOptions optimizer;
  double grad_clip = 2.0;  // 0: none
  EmaOptions ema = {.decay = 0.95};
  at::ScalarType precision = at::kFloat;      // of matrices in the model; parameters, sums and updates are fp32
  std::shared_ptr<const BlockRunner> runner;  // of the model's blocks; null: as they are
  ProcessGroup* group = nullptr;              // ranks that train together; must outlive the trainer
  SyncOptions sync;
};

struct StepResult {
  at::Tensor norm;  // () fp64 of the gradients before clipping, where they lie

  /// Waits for the device, as applied() does.
  double grad_norm() const { return norm.item<double>(); }
  /// False where the norm was not finite: gradients dropped, nothing changed.
  bool applied() const { return std::isfinite(grad_norm()); }
};

/// Makes the model of the weights it is given; those that it asks for are trained.
using BuildVelocityModel = std::function<std::unique_ptr<VelocityModel>(const Weights& weights)>;

class DitTrainer {
 public:
  /// Parameters from `start` where named there, drawn from `generator` otherwise.
  DitTrainer(const BuildVelocityModel& build, TensorMap start, const DitTrainerOptions& options,
             at::Generator generator, at::Device device = at::kCPU);

  /// Adds the gradients of `weight` times the mean loss (this micro-batch's share of the batch of all ranks). Returns
  /// the samples' losses, (samples) fp64 on the device: nobody has waited for them. `last`: of this rank in this step.
  at::Tensor accumulate(const DitBatch& batch, double weight = 1.0, bool last = true);
  /// Waits for the gradients of all ranks. apply() does, where this was not called.
  void reduce();
  /// Clips and applies what all ranks have accumulated, then clears it. All ranks call it and decide alike.
  StepResult apply();
  /// All ranks call it with fp64 values of one shape.
  at::Tensor sum_over_ranks(const at::Tensor& values) { return sync_->sum(values); }
  /// Clears what was accumulated.
  void discard();

  /// Takes these parameters, also as EMA. Names that are not there stay as they are.
  void start_from(const TensorMap& parameters);

  /// How blocks are run from the next step on.
  void set_runner(std::shared_ptr<const BlockRunner> runner) { model_->set_runner(std::move(runner)); }
  const VelocityModel& model() const { return *model_; }
  const TensorMap& parameters() const { return source_->parameters(); }
  /// Of the parameters that this rank owns: all, unless optimiser state is sharded.
  const TensorMap& ema() const { return ema_->averages(); }
  /// All averages on rank 0, nothing elsewhere. All ranks call it.
  TensorMap gather_ema() const { return sync_->gather(ema_->averages()); }
  AdamW& optimizer() { return *optimizer_; }
  /// Accumulated so far, by parameter; those without one are left out.
  TensorMap gradients() const { return accumulated_gradients(*source_); }

  /// "param.*", "ema.*", "optimizer.*": what this rank has to save. Those of all ranks together are all that a
  /// bit-equal continuation needs, beside the generators.
  TensorMap state() const;
  void load_state(const TensorMap& state);

 private:
  DitTrainerOptions options_;
  std::shared_ptr<TrainableSource> source_;
  std::unique_ptr<VelocityModel> model_;
  std::unique_ptr<ParameterSync> sync_;
  std::unique_ptr<AdamW> optimizer_;
  std::unique_ptr<Ema> ema_;
  bool reduced_ = false;
};

}  // namespace svg
