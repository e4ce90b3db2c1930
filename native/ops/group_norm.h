// Group norm and SiLU in one: the step before every convolution of the decoder. Source: arXiv 1803.08494.
#pragma once

#include <ATen/ATen.h>

#include "ops/layers.h"

namespace svg {

/// silu(norm(x)), x (B, C, h, w); computed in fp32, returned in x's dtype and layout. Fused, with its gradient, on a
/// CPU where x lies channels-last.
at::Tensor group_norm_silu(const GroupNorm& norm, const at::Tensor& x);
at::Tensor group_norm_silu_reference(const GroupNorm& norm, const at::Tensor& x);

}  // namespace svg
