// Root-mean-square norm. Source: arXiv 1910.07467.
#pragma once

#include <ATen/ATen.h>

namespace svg {

/// x (..., dim) / sqrt(mean(x^2) + eps) * weight (dim), computed in fp32, returned in x's dtype.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);
at::Tensor rms_norm_reference(const at::Tensor& x, const at::Tensor& weight, double eps);

}  // namespace svg
