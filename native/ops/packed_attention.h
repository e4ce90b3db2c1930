// Attention over packed sequences: each segment of rows attends within itself, no padding.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace svg {

/// q (Tq, H, D), k and v (Tk, KV, D). Segment i holds the rows offsets[i] .. offsets[i + 1] of each; returns (Tq, H,
/// D).
at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<int64_t>& q_offsets, const std::vector<int64_t>& k_offsets);

}  // namespace svg
