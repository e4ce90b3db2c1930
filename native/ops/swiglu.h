// Gated activation of the feed-forward layers. Source: arXiv 2002.05202.
#pragma once

#include <ATen/ATen.h>

namespace svg {

/// silu(gate) * up, both (..., hidden); computed in fp32, returned in gate's dtype.
at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);
at::Tensor swiglu_reference(const at::Tensor& gate, const at::Tensor& up);

}  // namespace svg
