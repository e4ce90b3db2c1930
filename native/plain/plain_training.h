// What the original computes in a training step, with gradients, in ATen operations. The bench times it beside ours;
// the tests use it as an oracle.
#pragma once

#include <ATen/ATen.h>

#include "train/dit_step.h"
#include "train/trainable_autoencoder.h"

namespace svg {

/// flow_matching_losses of latents of one size: captions padded to the longest, one batch. (samples) Throws
/// Error(kInvalidConfig) for other models than the NextDiT.
at::Tensor plain_flow_matching_losses(const VelocityModel& model, const DitBatch& batch);

/// images (B, 3, H, W) in [-1, 1] -> (B, 3, H, W) with graph: encoded one at a time, decoded together. Throws
/// Error(kInvalidConfig) for Autoencoder-R.
at::Tensor plain_reconstruct(const TrainableAutoencoder& model, const at::Tensor& images);

}  // namespace svg
