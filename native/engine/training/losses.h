// The ways to compute what a run lowers, by the names that "losses" of a request gives.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

#include "core/json.h"
#include "train/dit_step.h"
#include "train/trainable_autoencoder.h"

namespace svg {

struct DitLoss {
  std::string name;
  std::string title;  // for people
  /// (samples)
  std::function<at::Tensor(const VelocityModel&, const DitBatch&)> of;
  bool fused = true;  // whether parameters are updated by the fused operations
};

/// How pictures are reconstructed; what the autoencoder lowers then is set by "loss" (train/autoencoder_loss.h).
struct ReconstructionPath {
  std::string name;
  std::string title;
  /// images (B, 3, H, W) in [-1, 1], one number per image for its chance -> (B, 3, H, W) with graph.
  std::function<at::Tensor(const TrainableAutoencoder&, const at::Tensor& images, const std::vector<int64_t>& draws)>
      reconstruct;
  bool fused = true;
};

/// The first is the usual one.
const std::vector<DitLoss>& dit_losses();
const std::vector<ReconstructionPath>& reconstruction_paths();

/// By name. Each throws Error(kInvalidArgument) listing the names.
const DitLoss& find_dit_loss(const std::string& name);
const ReconstructionPath& find_reconstruction_path(const std::string& name);

/// For the catalogue: {"dit": [{"name", "title"}], "autoencoder": [{"name", "title"}], "pixel": [names], "discLoss":
/// [names]}.
Json loss_rows();

}  // namespace svg
