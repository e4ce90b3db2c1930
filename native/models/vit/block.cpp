#include "models/vit/block.h"

#include "core/error.h"
#include "ops/attention.h"
#include "ops/swiglu.h"

namespace svg {
VitBlockNames VitBlockNames::published() {
  return {.norm1 = "norm1",
          .norm2 = "norm2",
          .qkv = {"attn.qkv"},
          .proj = "attn.proj",
          .fc1 = "mlp.fc1",
          .fc2 = "mlp.fc2",
          .gate_up = {"mlp.w12"},
          .down = "mlp.w3",
          .scale1 = "ls1.gamma",
          .scale2 = "ls2.gamma",
          .qkv_bias_mask = ""};
}

VitBlockNames VitBlockNames::hugging_face(bool in_memory) {
  VitBlockNames names = published();
  names.qkv = in_memory ? std::vector<std::string>{"attention.q_proj", "attention.k_proj", "attention.v_proj"}
                        : std::vector<std::string>{"attention.attention.query", "attention.attention.key",
                                                   "attention.attention.value"};
  names.proj = in_memory ? "attention.o_proj" : "attention.output.dense";
  return names;
}

VitBlock::VitBlock(const Weights& weights, const VitBlockConfig& config, const VitBlockNames& names)
    : config_(config),
      norm1_(weights.scope(names.norm1), config.width, config.norm_eps),
      norm2_(weights.scope(names.norm2), config.width, config.norm_eps) {
  const int64_t C = config.width, hidden = config.ffn_hidden;
  load_qkv(weights, names);
  proj_ = Linear(weights.scope(names.proj), C, C, config.proj_bias, config.init);
  const std::vector<std::string> in = config.gated ? names.gate_up : std::vector<std::string>{names.fc1};
  const int64_t rows = config.gated ? 2 * hidden / static_cast<int64_t>(in.size()) : hidden;
  for (const std::string& name : in) in_.emplace_back(weights.scope(name), C, rows, config.ffn_bias, config.init);
  out_ = Linear(weights.scope(config.gated ? names.down : names.fc2), hidden, C, config.ffn_bias, config.init);
  if (!config.layer_scale) return;
  scale1_ = weights.get(names.scale1, {C}, Init::constant(*config.layer_scale), Role::kExact);
  scale2_ = weights.get(names.scale2, {C}, Init::constant(*config.layer_scale), Role::kExact);
}

void VitBlock::load_qkv(const Weights& weights, const VitBlockNames& names) {
  const int64_t C = config_.width, rows = 3 / static_cast<int64_t>(names.qkv.size()) * C;
  const bool stored = !names.qkv_bias_mask.empty() && weights.has(names.qkv_bias_mask);
  const bool masked = config_.qkv_bias && (stored || config_.mask_key_bias);
  for (const std::string& name : names.qkv) {
    qkv_.emplace_back(weights.scope(name), C, rows, config_.qkv_bias && !masked, config_.init);
  }
  if (!masked) return;
  qkv_bias_ = weights.get(names.qkv.front() + ".bias", {rows}, Init::zeros());
  if (stored) {
    qkv_bias_mask_ = weights.get(names.qkv_bias_mask, {rows}, Init::ones(), Role::kBuffer);
  } else {
    qkv_bias_mask_ = at::ones({rows}, qkv_bias_.options().dtype(at::kFloat).requires_grad(false));
    qkv_bias_mask_.slice(0, C, 2 * C).zero_();
  }
}

at::Tensor VitBlock::attend(const at::Tensor& x, const Rotate& rotate) const {
  const int64_t B = x.size(0), T = x.size(1), C = x.size(2);
  std::vector<at::Tensor> heads;
  for (const Linear& part : qkv_) {
    const at::Tensor all =
        qkv_bias_mask_.defined() ? part.with_bias((qkv_bias_ * qkv_bias_mask_).to(part.dtype()))(x) : part(x);
    for (const at::Tensor& one : all.chunk(3 / static_cast<int64_t>(qkv_.size()), -1)) {
      heads.push_back(one.view({B, T, config_.num_heads, C / config_.num_heads}));
    }
  }
  if (rotate) {
    heads[1] = rotate(heads[1]);  // first the keys: the order of the gradients' sums, where the angles are learnt
    heads[0] = rotate(heads[0]);
  }
  return attention(heads[0], heads[1], heads[2]).reshape({B, T, C});
}

at::Tensor VitBlock::hidden(const at::Tensor& x) const {
  if (!config_.gated) return activated(in_[0](x), config_.activation);
  const bool silu = config_.activation == Activation::kSilu;
  if (silu && in_.size() == 2) return in_[0].gated(in_[1], x);
  const std::vector<at::Tensor> halves =
      in_.size() == 2 ? std::vector<at::Tensor>{in_[0](x), in_[1](x)} : in_[0](x).chunk(2, -1);
  return silu ? swiglu(halves[0], halves[1]) : activated(halves[0], config_.activation) * halves[1];
}

at::Tensor VitBlock::added(const at::Tensor& sum, const Linear& layer, const at::Tensor& x,
                           const at::Tensor& scale) const {
  if (scale.defined() && config_.round_scaled) return sum + layer(x).to(at::kFloat) * scale;
  return layer.added(sum, x, scale);
}

at::Tensor VitBlock::operator()(const at::Tensor& x, at::ScalarType dtype, const Rotate& rotate) const {
  const at::Tensor attended = added(x, proj_, attend(norm1_(x).to(dtype), rotate), scale1_);
  return added(attended, out_, hidden(norm2_(attended).to(dtype)), scale2_);
}

}  // namespace svg
