// Scaled dot-product attention with grouped queries.
#pragma once

#include <ATen/ATen.h>

namespace svg {

struct AttentionOptions {
  double scale = 0;  // 0: 1/sqrt(head_dim)
  bool causal = false;
  at::Tensor mask;  // optional, broadcastable to (B, H, Tq, Tk): bool (true = attend) or additive
};

/// q (B, Tq, H, D), k and v (B, Tk, KV, D) with H a multiple of KV; returns (B, Tq, H, D).
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const AttentionOptions& options = {});

}  // namespace svg
