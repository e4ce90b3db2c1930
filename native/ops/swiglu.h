// Gated activation of the feed-forward layers. Source: arXiv 2002.05202.
#pragma once

#include <ATen/ATen.h>

namespace svg {

/// silu(gate) * up, both (..., hidden), or halves of the same rows (T, hidden); computed in fp32, returned in gate's
/// dtype.
at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);
/// rows (T, 2 * hidden): gates, then what they let through.
inline at::Tensor swiglu_of_halves(const at::Tensor& rows) {
  const int64_t hidden = rows.size(1) / 2;
  return swiglu(rows.narrow(1, 0, hidden), rows.narrow(1, hidden, hidden));
}
at::Tensor swiglu_reference(const at::Tensor& gate, const at::Tensor& up);

}  // namespace svg
