// Parameters with their forward: the layers that every model shares. Names follow the published files.
#pragma once

#include <ATen/ATen.h>

#include <memory>

#include "core/matrix.h"
#include "core/weights.h"
#include "ops/layer_input.h"

namespace svg {

/// y = x W^T + b. What is inside is nobody's business: a plain tensor, a quantised or an adapted one (core/matrix.h).
class Linear {
 public:
  Linear() = default;
  /// Asks for "weight" (out, in) and, where there is one, "bias" (out).
  Linear(const Weights& weights, int64_t in, int64_t out, bool with_bias = true, Init init = Init::xavier_uniform());
  /// `bias` is undefined where the layer has none.
  explicit Linear(std::shared_ptr<const Matrix> weight, at::Tensor bias = {});

  /// x (..., in), in dtype() -> (..., out).
  at::Tensor operator()(const at::Tensor& x) const;
  at::Tensor operator()(const LayerInput& x) const;
  /// sum + (*this)(x) * scale in fp32: sum (..., out) fp32; scale (out), or undefined.
  at::Tensor added(const at::Tensor& sum, const at::Tensor& x, const at::Tensor& scale) const;
  /// silu((*this)(x)) * up(x), computed in fp32, in x's dtype.
  at::Tensor gated(const Linear& up, const at::Tensor& x) const;
  /// Whether 8-bit rows go in as they are: unscaled() is for such layers without a bias.
  bool multiplies_int8() const { return weight_->is_int8() && !bias_.defined(); }
  /// The result before each row is multiplied by its scale, (T, out) fp32.
  at::Tensor unscaled(const QuantisedRows& x) const { return weight_->unscaled_product(x); }
  /// The layer of outputs start to start + count alone.
  Linear rows(int64_t start, int64_t count) const;
  /// Both layers as one, whose outputs are this one's, then those of `below`; undefined where that cannot be
  /// (core/matrix.h), or one has a bias.
  Linear joined(const Linear& below) const;
  /// The same weight with another bias.
  Linear with_bias(at::Tensor bias) const { return Linear(weight_, std::move(bias)); }

  bool defined() const { return weight_ != nullptr; }
  int64_t in() const { return weight_->in(); }
  int64_t out() const { return weight_->out(); }
  at::ScalarType dtype() const { return weight_->dtype(); }
  at::Device device() const { return weight_->device(); }
  /// Whether gradients are asked of the weight.
  bool trained() const { return weight_->trained(); }

 private:
  std::shared_ptr<const Matrix> weight_;
  at::Tensor bias_;
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
  at::ScalarType dtype() const { return weight.scalar_type(); }
  at::Device device() const { return weight.device(); }
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
