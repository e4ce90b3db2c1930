// Parameters with their forward: the layers that every model shares. Names follow the published files.
#pragma once

#include <ATen/ATen.h>

#include "core/weights.h"

namespace svg {

/// y = x W^T + b. weight (out, in); bias undefined where the layer has none.
struct Linear {
  at::Tensor weight, bias;

  Linear() = default;
  Linear(const Weights& weights, int64_t in, int64_t out, bool with_bias = true, Init init = Init::xavier_uniform());
  at::Tensor operator()(const at::Tensor& x) const;
};

/// Over the last dimension, computed in fp32, returned in x's dtype. Affine parameters stay fp32.
struct LayerNorm {
  at::Tensor weight, bias;
  double eps = 1e-5;

  LayerNorm() = default;
  LayerNorm(const Weights& weights, int64_t dim, double eps);
  at::Tensor operator()(const at::Tensor& x) const;
};

/// x / rms(x) * weight over the last dimension, computed in fp32. Source: arXiv 1910.07467.
struct RmsNorm {
  at::Tensor weight;
  double eps = 1e-6;

  RmsNorm() = default;
  RmsNorm(const Weights& weights, int64_t dim, double eps);
  at::Tensor operator()(const at::Tensor& x) const;
};

/// NCHW. weight (out, in, k, k).
struct Conv2d {
  at::Tensor weight, bias;
  int64_t stride = 1, padding = 0;

  Conv2d() = default;
  Conv2d(const Weights& weights, int64_t in, int64_t out, int64_t kernel, int64_t stride = 1, int64_t padding = 0,
         bool with_bias = true);
  at::Tensor operator()(const at::Tensor& x) const;
};

/// NCHW.
struct GroupNorm {
  at::Tensor weight, bias;
  int64_t groups = 32;
  double eps = 1e-6;

  GroupNorm() = default;
  GroupNorm(const Weights& weights, int64_t channels, int64_t groups, double eps);
  at::Tensor operator()(const at::Tensor& x) const;
};

}  // namespace svg
