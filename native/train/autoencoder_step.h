// One training iteration of the autoencoder: pixels, perceptual distance and a discriminator with adaptive weight.
// Source: arXiv 2012.09841 (VQGAN) for the loss; the public reference for its reductions and counters.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/weights.h"
#include "models/lpips.h"
#include "models/patch_discriminator.h"
#include "train/adamw.h"

namespace svg {

struct AutoencoderLossOptions {
  enum class Pixel { kL1, kL2 };
  enum class Adversarial { kHinge, kVanilla };

  Pixel pixel = Pixel::kL1;
  double perceptual_weight = 1;
  double disc_weight = 0.5;
  double disc_factor = 1;
  int64_t disc_start = 5000;  // in optimiser steps: an iteration counts two, the generator's and the discriminator's
  Adversarial disc_loss = Adversarial::kHinge;
  double logvar = 0;  // log variance of the pixels, fixed

  /// Keys: pixel ("l1", "l2"), perceptual_weight, disc_weight, disc_factor, disc_start, disc_loss ("hinge", "vanilla"),
  /// logvar or logvar_init. Throws Error(kInvalidConfig).
  static AutoencoderLossOptions from_json(const Json& json);
};

/// Means over the images. `applied` is false where a loss was not finite: that update and what follows it was left out.
struct AutoencoderStepResult {
  double total = 0;            // what the generator's update follows
  double nll = 0;              // pixel and perceptual loss, summed over an image's values
  double rec = 0;              // the same per value
  double perceptual = 0;       // distance alone
  double generator = 0;        // minus the mean logit of the reconstructions
  double adaptive_weight = 0;  // of the generator's loss, also before disc_start
  double discriminator = 0;
  double logits_real = 0, logits_fake = 0;
  bool applied = true;
};

class AutoencoderTrainer {
 public:
  struct Options {
    AutoencoderLossOptions loss;
    AdamWOptions optimizer = {.lr = 1e-4, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-8, .weight_decay = 0};
  };

  /// `generator`: trained parameters of decoder (and residual branch), asked for by whoever built those modules;
  /// `last_weight` is the decoder's last layer among them. `discriminator` answers PatchDiscriminator's names.
  AutoencoderTrainer(std::shared_ptr<TrainableSource> generator, at::Tensor last_weight,
                     std::shared_ptr<TrainableSource> discriminator, const PatchDiscriminatorConfig& patch, Lpips lpips,
                     const Options& options);

  /// images[i] (1, 3, H, W) in [-1, 1] and its reconstruction with graph; sizes may differ between images.
  /// Updates the generator, then the discriminator on the same reconstructions.
  AutoencoderStepResult step(const std::vector<at::Tensor>& images, const std::vector<at::Tensor>& reconstructions);

  int64_t steps() const { return steps_; }  // optimiser steps so far, as disc_start counts them
  const TrainableSource& generator() const { return *generator_; }
  const TrainableSource& discriminator() const { return *discriminator_; }

  /// "generator.*", "discriminator.*" (with running statistics), "optimizer.{generator,discriminator}.*", "steps":
  /// all that a bit-equal continuation needs, beside the data's order. The tensors themselves, not copies.
  TensorMap state() const;
  /// Throws Error(kWeightsMismatch) where a tensor is missing or has another shape.
  void load_state(const TensorMap& state);

 private:
  bool update_generator(const std::vector<at::Tensor>& images, const std::vector<at::Tensor>& reconstructions,
                        AutoencoderStepResult& result);
  bool update_discriminator(const std::vector<at::Tensor>& images, const std::vector<at::Tensor>& reconstructions,
                            AutoencoderStepResult& result);
  at::Tensor adaptive_weight(const at::Tensor& nll, const at::Tensor& adversarial) const;
  double discriminator_factor() const { return steps_ < options_.loss.disc_start ? 0 : options_.loss.disc_factor; }

  Options options_;
  std::shared_ptr<TrainableSource> generator_, discriminator_;
  at::Tensor last_weight_;
  PatchDiscriminator patch_;
  Lpips lpips_;
  AdamW generator_optimizer_, discriminator_optimizer_;
  int64_t steps_ = 0;
};

}  // namespace svg
