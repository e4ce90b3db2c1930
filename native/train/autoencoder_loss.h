// What the autoencoder's training minimises: the tables of its losses. Source: arXiv 2012.09841 (VQGAN).
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/request.h"
#include "models/lpips.h"

namespace svg {

/// Element by element, from image - reconstruction.
struct PixelLoss {
  std::string name;
  at::Tensor (*each)(const at::Tensor& difference);
};

/// What the discriminator minimises: a scalar, from the logits of real images and of reconstructions.
struct AdversarialLoss {
  std::string name;
  at::Tensor (*of)(const at::Tensor& real, const at::Tensor& fake);
};

const std::vector<PixelLoss>& pixel_losses();
const std::vector<AdversarialLoss>& adversarial_losses();

/// By name. Each throws Error(kInvalidConfig) listing the names.
const PixelLoss& find_pixel_loss(const std::string& name);
const AdversarialLoss& find_adversarial_loss(const std::string& name);

struct AutoencoderLossOptions {
  PixelLoss pixel = find_pixel_loss("l1");
  double perceptual_weight = 1;
  double disc_weight = 0.5;
  double disc_factor = 1;
  int64_t disc_start = 5000;  // in optimiser steps: an iteration counts two, the generator's and the discriminator's
  AdversarialLoss disc_loss = find_adversarial_loss("hinge");
  double logvar = 0;  // log variance of the pixels, fixed

  bool adversarial() const { return disc_weight > 0 && disc_factor > 0; }

  /// As the original spells them: pixel, perceptual_weight, disc_weight, disc_factor, disc_start, disc_loss, logvar or
  /// logvar_init. Throws Error(kInvalidConfig).
  static AutoencoderLossOptions from_json(const Json& json);
  /// Of a job: {pixel, perceptualWeight, discWeight, discFactor, discStart, discLoss, logvar}. Throws as from_json.
  static AutoencoderLossOptions from_request(const Request& request);
};

/// Networks that a loss compares pictures by.
struct LossParts {
  std::optional<Lpips> lpips;
};

/// A distance of a reconstruction that is added, times its weight, to every value of the pixel loss.
struct DistanceLoss {
  std::string name;  // in reports
  double AutoencoderLossOptions::*weight;
  /// Whether the networks that it needs are there.
  std::function<bool(const LossParts&)> available;
  /// (B)
  std::function<at::Tensor(const LossParts&, const at::Tensor& image, const at::Tensor& reconstruction)> of;
};

/// In the order in which they are added and reported.
const std::vector<DistanceLoss>& distance_losses();

/// For the catalogue: {"pixel": [names], "discLoss": [names]}.
Json autoencoder_loss_names();

/// disc_weight * |d nll / d last| / |d adversarial / d last|, at most 1e4 times disc_weight; without graph.
at::Tensor adaptive_weight(const at::Tensor& nll, const at::Tensor& adversarial, const at::Tensor& last_weight,
                           double disc_weight);

}  // namespace svg
