// The 3x3 convolutions of a decoder with what stands around them: norm and SiLU before, a sum after, a doubling.
#pragma once

#include <ATen/ATen.h>

#include "ops/layers.h"

namespace svg {

/// conv(silu(norm(x))) + residual; x (B, in, h, w), conv 3x3 with stride and padding 1, residual (B, out, h, w) or
/// undefined. Where no gradient is recorded, on a CPU in fp32, and x lies channels-last with channels in multiples of
/// 16: by Winograd's algorithm with the norm computed as pixels are read, so that no normed map is ever stored; exact
/// up to fp32 rounding (some 1.5e-6 of the result's norm against 0.9e-6 of a direct sum's). Elsewhere step by step.
/// x is given up where it is moved in: at the pixels' level it is large.
at::Tensor norm_silu_conv3x3(const GroupNorm& norm, at::Tensor x, const Conv2d& conv, const at::Tensor& residual = {});
at::Tensor norm_silu_conv3x3_reference(const GroupNorm& norm, const at::Tensor& x, const Conv2d& conv,
                                       const at::Tensor& residual = {});

/// conv(x) in the same way.
at::Tensor conv3x3(const Conv2d& conv, const at::Tensor& x);

/// conv of x with every pixel doubled: (B, in, h, w) -> (B, out, 2h, 2w). By Winograd's algorithm the doubled map is
/// never stored.
at::Tensor doubled_conv3x3(const Conv2d& conv, const at::Tensor& x);
at::Tensor doubled_conv3x3_reference(const Conv2d& conv, const at::Tensor& x);

}  // namespace svg
