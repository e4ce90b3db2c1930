// Rotary embedding over the two halves of a head, as DINOv3 has it. Source: arXiv 2104.09864, facebookresearch/dinov3.
#pragma once

#include <ATen/ATen.h>

namespace svg {

/// heads (B, T, H, D) with the halves (a, b) of each as (a, b) * cos + (-b, a) * sin, but for the first `prefix`
/// tokens, which stay; cos and sin (T - prefix, D), fp32. Computed in fp32, returned contiguous in the heads' dtype.
/// One kernel, with the bits of the reference, on a CPU where no gradient is recorded.
at::Tensor rotate_halves(const at::Tensor& heads, const at::Tensor& cos, const at::Tensor& sin, int64_t prefix);
at::Tensor rotate_halves_reference(const at::Tensor& heads, const at::Tensor& cos, const at::Tensor& sin,
                                   int64_t prefix);

}  // namespace svg
