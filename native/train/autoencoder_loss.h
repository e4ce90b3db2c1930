// What the autoencoder's training minimises. Source: arXiv 2012.09841 (VQGAN).
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "core/json.h"
#include "core/request.h"

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

  bool adversarial() const { return disc_weight > 0 && disc_factor > 0; }

  /// Keys: pixel ("l1", "l2"), perceptual_weight, disc_weight, disc_factor, disc_start, disc_loss ("hinge", "vanilla"),
  /// logvar or logvar_init. Throws Error(kInvalidConfig).
  static AutoencoderLossOptions from_json(const Json& json);
  /// Of a job: {pixel, perceptualWeight, discWeight, discFactor, discStart, discLoss, logvar}. Throws as from_json.
  static AutoencoderLossOptions from_request(const Request& request);
};

/// Element by element.
at::Tensor pixel_loss(AutoencoderLossOptions::Pixel kind, const at::Tensor& image, const at::Tensor& reconstruction);

/// Scalar, from the logits of real images and of reconstructions.
at::Tensor discriminator_loss(AutoencoderLossOptions::Adversarial kind, const at::Tensor& real, const at::Tensor& fake);

/// disc_weight * |d nll / d last| / |d adversarial / d last|, at most 1e4 times disc_weight; without graph.
at::Tensor adaptive_weight(const at::Tensor& nll, const at::Tensor& adversarial, const at::Tensor& last_weight,
                           double disc_weight);

}  // namespace svg
