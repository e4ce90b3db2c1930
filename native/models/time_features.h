// Times as the diffusion transformers embed them.
#pragma once

#include <ATen/ATen.h>

namespace svg {

constexpr int64_t kTimeFeatures = 256;

/// (S) times to (S, 256) fp32: cosines, then sines, periods up to 10000. Source: arXiv 1706.03762.
at::Tensor time_features(const at::Tensor& t);

}  // namespace svg
