#include "ops/layers.h"

#include "ops/layer_product.h"
#include "ops/quantise.h"
#include "ops/rms_norm.h"
#include "ops/swiglu.h"
#include "ops/whole_blocks.h"

namespace svg {

Linear::Linear(const Weights& weights, int64_t in, int64_t out, bool with_bias, Init init)
    : weight_(weights.matrix("weight", {out, in}, init)) {
  if (with_bias) bias_ = weights.get("bias", {out}, Init::zeros());
}

Linear::Linear(std::shared_ptr<const Matrix> weight, at::Tensor bias)
    : weight_(std::move(weight)), bias_(std::move(bias)) {}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return product_of_blocks(x, [this](const at::Tensor& rows) {
    const at::Tensor plain = weight_->plain();
    return plain.defined() ? layer_product(rows, {plain, bias_}) : weight_->product(rows, bias_);
  });
}

at::Tensor Linear::added(const at::Tensor& sum, const at::Tensor& x, const at::Tensor& scale) const {
  const at::Tensor plain = weight_->plain();
  if (plain.defined() && plain.scalar_type() == at::kFloat) return added_product(sum, x, {plain, bias_}, scale);
  return scaled_sum(sum, (*this)(x), scale);
}

at::Tensor Linear::gated(const Linear& up, const at::Tensor& x) const {
  const at::Tensor plain = weight_->plain(), plain_up = up.weight_->plain();
  const bool both = plain.defined() && plain_up.defined() && plain.scalar_type() == at::kFloat;
  if (both) return gated_product(x, {plain, bias_}, {plain_up, up.bias_});
  const at::Tensor opened = (*this)(x);
  return swiglu(opened, up(x));
}

at::Tensor Linear::operator()(const LayerInput& x) const {
  const QuantisedRows* rows = x.quantised();
  return rows && multiplies_int8() ? scale_rows(unscaled(*rows), rows->scale) : (*this)(x.plain());
}

Linear Linear::rows(int64_t start, int64_t count) const {
  return Linear(weight_->rows(start, count), bias_.defined() ? bias_.narrow(0, start, count) : bias_);
}

Linear Linear::joined(const Linear& below) const {
  std::shared_ptr<const Matrix> both =
      bias_.defined() || below.bias_.defined() ? nullptr : weight_->joined(*below.weight_);
  return both ? Linear(std::move(both)) : Linear();
}

LayerNorm::LayerNorm(const Weights& weights, int64_t dim, double eps)
    : weight(weights.get("weight", {dim}, Init::ones(), Role::kExact)),
      bias(weights.get("bias", {dim}, Init::zeros(), Role::kExact)),
      eps(eps) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x.to(at::kFloat), weight.sizes(), weight, bias, eps).to(x.scalar_type());
}

RmsNorm::RmsNorm(const Weights& weights, int64_t dim, double eps)
    : weight(weights.get("weight", {dim}, Init::ones(), Role::kExact)), eps(eps) {}

at::Tensor RmsNorm::operator()(const at::Tensor& x) const { return rms_norm(x, weight, eps); }

Conv2d::Conv2d(const Weights& weights, int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding,
               bool with_bias)
    : weight(weights.get("weight", {out, in, kernel, kernel}, Init::kaiming_uniform())),
      stride(stride),
      padding(padding) {
  if (with_bias) bias = weights.get("bias", {out}, Init::zeros());
}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  return at::conv2d(x, weight, bias, {stride, stride}, {padding, padding});
}

GroupNorm::GroupNorm(const Weights& weights, int64_t channels, int64_t groups, double eps)
    : weight(weights.get("weight", {channels}, Init::ones(), Role::kExact)),
      bias(weights.get("bias", {channels}, Init::zeros(), Role::kExact)),
      groups(groups),
      eps(eps) {}

at::Tensor GroupNorm::operator()(const at::Tensor& x) const {
  // The CPU's kernel sums in fp32 whatever x is; the GPU's wants parameters in x's dtype.
  if (x.is_cpu()) return at::group_norm(x, groups, weight, bias, eps);
  return at::group_norm(x.to(at::kFloat), groups, weight, bias, eps).to(x.scalar_type());
}

}  // namespace svg
