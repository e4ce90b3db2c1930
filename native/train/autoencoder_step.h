// One training iteration of the autoencoder: pixels, perceptual distance and a discriminator with adaptive weight.
// Source: arXiv 2012.09841 (VQGAN) for the loss; the public reference for its reductions and counters.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/weights.h"
#include "distributed/parameter_sync.h"
#include "models/patch_discriminator.h"
#include "train/adamw.h"
#include "train/autoencoder_loss.h"
#include "train/ema.h"
#include "train/step_values.h"

namespace svg {

struct AutoencoderStepResult {
  /// Means over the images; those of a discriminator are zero without one:
  /// "total": what the generator's update follows; "nll": pixel loss and distances, summed over an image's values;
  /// "rec": the same per value; each of distance_losses() alone; "generator": minus the mean logit of the
  /// reconstructions; "adaptiveWeight": of that, also before disc_start; "discriminator"; "logitsReal", "logitsFake".
  StepValues losses;
  double grad_norm = 0;  // of the generator, before clipping
  bool applied = true;   // false where a loss or a gradient was not finite: nothing changed
};

/// The numbers of a step where they were computed: nobody has waited for them.
class AutoencoderStepNumbers {
 public:
  AutoencoderStepNumbers() = default;
  AutoencoderStepNumbers(std::vector<std::string> names, at::Tensor values)
      : names_(std::move(names)), values_(std::move(values)) {}

  /// One copy to the host, which waits for the device.
  AutoencoderStepResult read() const;

 private:
  std::vector<std::string> names_;  // of the losses
  at::Tensor values_;               // (names + 2) fp64: these, the norm, 1 where the step was applied
};

class AutoencoderTrainer {
 public:
  struct Options {
    AutoencoderLossOptions loss;
    AdamWOptions optimizer = {.lr = 1e-4, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-8, .weight_decay = 0};
    double grad_clip = 0;           // of the generator and of the discriminator, each by its own norm; 0: none
    EmaOptions ema = {};            // of the generator's parameters; a decay of 0: no average is kept
    ProcessGroup* group = nullptr;  // ranks that train together; must outlive the trainer
    SyncOptions sync;
  };

  /// What the discriminator is made of; `source` answers its published names.
  struct Adversary {
    std::shared_ptr<TrainableSource> source;
    PatchDiscriminatorConfig config;
  };

  /// `generator`: trained parameters of the autoencoder, asked for by whoever built its modules; `last_weight` is the
  /// decoder's last layer among them. Without `adversary` and the parts of a distance these are left out of the loss.
  AutoencoderTrainer(std::shared_ptr<TrainableSource> generator, at::Tensor last_weight,
                     const std::optional<Adversary>& adversary, LossParts parts, const Options& options);

  /// accumulate() of the whole batch, and apply().
  AutoencoderStepNumbers step(const std::vector<at::Tensor>& images, const std::vector<at::Tensor>& reconstructions);

  /// images[i] (B, 3, H, W) in [-1, 1] and their reconstructions with graph; sizes may differ between the batches.
  /// Adds the gradients of both networks at the same reconstructions, times `share`: these images' part of the step's,
  /// on all ranks. The adaptive weight and the discriminator's batch statistics are of these images alone, as in the
  /// original. `last`: of this rank in this step.
  void accumulate(const std::vector<at::Tensor>& images, const std::vector<at::Tensor>& reconstructions, double share,
                  bool last = true);
  /// Waits for the gradients of all ranks. apply() does, where this was not called.
  void reduce();
  /// Clips and applies what all ranks have accumulated, then clears it. All ranks call it and decide alike; the result
  /// is of all of them.
  AutoencoderStepNumbers apply();
  /// Clears what was accumulated.
  void discard();

  void set_lr(double lr);
  /// Optimiser steps so far, as disc_start counts them. Waits for the device.
  int64_t steps() const { return steps_.item<int64_t>(); }
  const TrainableSource& generator() const { return *generator_; }
  /// On rank 0 the averages, or the parameters themselves where none are kept; nothing elsewhere. All ranks call it.
  TensorMap gather_ema() const { return sync_->gather(ema_ ? ema_->averages() : generator_->parameters()); }

  /// "generator.*", "discriminator.*" (with running statistics), "ema.*", "optimizer.{generator,discriminator}.*",
  /// "steps": this rank's part of all that a bit-equal continuation needs, beside the data's order. The tensors
  /// themselves, not copies.
  TensorMap state() const;
  /// Throws Error(kWeightsMismatch) where a tensor is missing or has another shape.
  void load_state(const TensorMap& state);

 private:
  struct Discriminator {
    Discriminator(const Adversary& adversary, const Options& options);

    std::shared_ptr<TrainableSource> source;
    PatchDiscriminator network;
    std::unique_ptr<ParameterSync> sync;
    AdamW optimizer;
    TensorMap buffers_before;  // running statistics at the start of a step
  };
  using Images = std::vector<at::Tensor>;
  struct NamedScalar {
    std::string name;
    at::Tensor value;      // () on the device; undefined: 0
    bool lowered = false;  // a step in which it is not finite is lost
  };
  using Scalars = std::vector<NamedScalar>;

  /// Each appends what it reports.
  at::Tensor generator_loss(const Images& images, const Images& reconstructions, Scalars& reported);
  /// Undefined without a discriminator.
  at::Tensor adversarial_loss(const Images& images, const Images& reconstructions, Scalars& reported);
  void add_values(const Scalars& scalars, double share);
  /// disc_factor from disc_start on, `further` steps from now, else 0: () in the dtype and place of `like`.
  at::Tensor discriminator_factor(int64_t further, const at::Tensor& like) const;
  at::Tensor on_device(const at::Tensor& scalar) const;

  Options options_;
  std::shared_ptr<TrainableSource> generator_;
  at::Tensor last_weight_;
  LossParts parts_;
  std::unique_ptr<ParameterSync> sync_;
  AdamW optimizer_;
  std::optional<Ema> ema_;
  std::optional<Discriminator> discriminator_;
  at::Tensor steps_;                // () int64, where the parameters are
  std::vector<std::string> names_;  // of what is summed
  at::Tensor sums_;  // (names + 1) fp64 of the step so far: weighted by share; how many losses were not finite
  double shares_ = 0;
  bool reduced_ = false;
};

}  // namespace svg
