// FID's Inception v3 as torch-fidelity computes it: one operation after the other, channels first.
#pragma once

#include <ATen/ATen.h>

#include "core/weights.h"

namespace svg {

/// pictures uint8 (B, 3, H, W) of one size -> pooled features (B, 2048) fp32, on the weights of an Inception. Source:
/// torch-fidelity 0.4.0 for which operations there are, and their order.
at::Tensor plain_inception(const Weights& weights, const at::Tensor& pictures);

}  // namespace svg
