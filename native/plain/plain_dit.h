// The guided velocity as the original computes it: both rows padded to one batch, everything again at every
// step, ATen operations only. The bench times it beside ours; the tests use it as an oracle.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "diffusion/guidance.h"
#include "models/next_dit/next_dit.h"

namespace svg {

/// latents (B, C, H, W), t (B), features (B, L, caption_dim), mask (B, L) bool, valid tokens first.
at::Tensor plain_dit_forward(const NextDit& model, const at::Tensor& latents, const at::Tensor& t,
                             const at::Tensor& features, const at::Tensor& mask);

/// latent (1, C, H, W); row 0 of features and mask is the prompt, row 1 the unconditional one.
at::Tensor plain_guided_velocity(const NextDit& model, const at::Tensor& latent, double t, const at::Tensor& features,
                                 const at::Tensor& mask, const Guidance& guidance);

}  // namespace svg
