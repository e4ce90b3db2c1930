#include "models/vit/block.h"

#include "core/error.h"
#include "ops/attention.h"
#include "ops/swiglu.h"

namespace svg {
namespace {

at::Tensor add_scaled(const at::Tensor& sum, const at::Tensor& part, const at::Tensor& scale) {
  return scale.defined() ? at::addcmul(sum, part.to(at::kFloat), scale) : sum + part.to(at::kFloat);
}

}  // namespace

VitBlockNames VitBlockNames::published() {
  return {.norm1 = "norm1",
          .norm2 = "norm2",
          .qkv = {"attn.qkv"},
          .proj = "attn.proj",
          .fc1 = "mlp.fc1",
          .fc2 = "mlp.fc2",
          .gate_up = "mlp.w12",
          .down = "mlp.w3",
          .scale1 = "ls1.gamma",
          .scale2 = "ls2.gamma"};
}

VitBlock::VitBlock(const Weights& weights, const VitBlockConfig& config, const VitBlockNames& names)
    : config_(config),
      norm1_(weights.scope(names.norm1), config.width, config.norm_eps),
      norm2_(weights.scope(names.norm2), config.width, config.norm_eps) {
  const int64_t C = config.width, hidden = config.ffn_hidden;
  const int64_t each = 3 / static_cast<int64_t>(names.qkv.size());
  for (const std::string& name : names.qkv) {
    qkv_.emplace_back(weights.scope(name), C, each * C, config.qkv_bias, config.init);
  }
  proj_ = Linear(weights.scope(names.proj), C, C, /*with_bias=*/true, config.init);
  in_ = Linear(weights.scope(config.gated ? names.gate_up : names.fc1), C, config.gated ? 2 * hidden : hidden,
               /*with_bias=*/true, config.init);
  out_ = Linear(weights.scope(config.gated ? names.down : names.fc2), hidden, C, /*with_bias=*/true, config.init);
  if (!config.layer_scale) return;
  scale1_ = weights.get(names.scale1, {C}, Init::constant(*config.layer_scale), Role::kExact);
  scale2_ = weights.get(names.scale2, {C}, Init::constant(*config.layer_scale), Role::kExact);
}

at::Tensor VitBlock::attend(const at::Tensor& x, const Rotate& rotate) const {
  const int64_t B = x.size(0), T = x.size(1), C = x.size(2);
  std::vector<at::Tensor> heads;
  for (const Linear& part : qkv_) {
    for (const at::Tensor& one : part(x).chunk(3 / static_cast<int64_t>(qkv_.size()), -1)) {
      heads.push_back(one.view({B, T, config_.num_heads, C / config_.num_heads}));
    }
  }
  if (rotate) heads = {rotate(heads[0]), rotate(heads[1]), heads[2]};
  return proj_(attention(heads[0], heads[1], heads[2]).reshape({B, T, C}));
}

at::Tensor VitBlock::feed_forward(const at::Tensor& x) const {
  if (!config_.gated) return out_(activated(in_(x), config_.activation));
  const std::vector<at::Tensor> halves = in_(x).chunk(2, -1);
  if (config_.activation != Activation::kSilu) return out_(activated(halves[0], config_.activation) * halves[1]);
  return out_(swiglu(halves[0], halves[1]));
}

at::Tensor VitBlock::operator()(const at::Tensor& x, at::ScalarType dtype, const Rotate& rotate) const {
  const at::Tensor attended = add_scaled(x, attend(norm1_(x).to(dtype), rotate), scale1_);
  return add_scaled(attended, feed_forward(norm2_(attended).to(dtype)), scale2_);
}

}  // namespace svg
