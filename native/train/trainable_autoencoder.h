// The autoencoder in training: which of its parts learn, and what chance does to its latents.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <vector>

#include "core/weights.h"
#include "models/autoencoder.h"
#include "train/frozen_source.h"

namespace svg {

struct TrainableAutoencoderOptions {
  AutoencoderConfig model;
  bool train_encoder = false;
  bool freeze_residual = false;
  double mask_ratio = 0;    // share of the patches whose residual channels become the mask token
  double latent_noise = 0;  // deviation of the noise on a latent, in deviations of its channel over the batch
  at::ScalarType precision = at::kFloat;  // of matrices in the model; parameters are fp32
  int64_t seed = 0;
};

/// An encoder's tensors under the model's own names, fp32 on the CPU.
TensorMap published_encoder(const Weights& encoder, const EncoderPlan& plan);

class TrainableAutoencoder {
 public:
  /// `start` holds parameters under published names; `encoder`, weights of its own, comes before its encoder.*. What is
  /// trained and in neither is drawn. Throws Error(kWeightsMismatch) where a frozen part has no weights.
  TrainableAutoencoder(const TrainableAutoencoderOptions& options, TensorMap start,
                       const std::optional<Weights>& encoder, at::Device device);

  /// images (B, 3, H, W) in [-1, 1], one number per image for its chance -> (B, 3, H, W) with graph.
  at::Tensor reconstruct(const at::Tensor& images, const std::vector<int64_t>& draws) const;

  const AutoencoderConfig& config() const { return model_->config(); }
  const Autoencoder& model() const { return *model_; }
  const at::Tensor& last_weight() const { return model_->decoder().last_weight(); }
  const std::shared_ptr<TrainableSource>& trained() const { return trained_; }
  /// Null where the part is trained, or is none of this model.
  const std::shared_ptr<FrozenSource>& frozen_encoder() const { return frozen_encoder_; }
  const std::shared_ptr<FrozenSource>& frozen_residual() const { return frozen_residual_; }

 private:
  at::Tensor masked(const at::Tensor& latents, std::vector<at::Generator>& generators) const;
  at::Tensor with_noise(const at::Tensor& latents, std::vector<at::Generator>& generators) const;

  TrainableAutoencoderOptions options_;
  std::shared_ptr<TrainableSource> trained_;
  std::shared_ptr<FrozenSource> frozen_encoder_, frozen_residual_;
  std::unique_ptr<Autoencoder> model_;
  at::Tensor mask_token_;  // (1, residual channels, 1)
};

}  // namespace svg
