#include "models/next_dit/block.h"

#include <utility>

#include "ops/between_layers.h"
#include "ops/head_groups.h"
#include "ops/swiglu.h"

namespace svg {
namespace {

constexpr double kQkNormEps = 1e-6;  // the published q_norm and k_norm keep RMSNorm's default

}  // namespace

BlockModulation BlockModulation::narrow(int64_t start, int64_t length) const {
  return {attention_in.narrow(0, start, length), attention_out.narrow(0, start, length),
          ffn_in.narrow(0, start, length), ffn_out.narrow(0, start, length)};
}

NextDitBlock::NextDitBlock(const Weights& model, std::string name, const NextDitConfig& config, bool modulated)
    : NextDitBlock(model.scope(name), config, modulated) {
  this->name = std::move(name);
}

NextDitBlock::NextDitBlock(const Weights& weights, const NextDitConfig& config, bool modulated)
    : qkv(weights.scope("attention.qkv"), config.dim, (config.heads + 2 * config.kv_heads) * config.head_dim(), false),
      out(weights.scope("attention.out"), config.dim, config.dim, false),
      w1(weights.scope("feed_forward.w1"), config.dim, config.ffn_dim, false),
      w2(weights.scope("feed_forward.w2"), config.ffn_dim, config.dim, false),
      w3(weights.scope("feed_forward.w3"), config.dim, config.ffn_dim, false),
      attention_norm1(weights.scope("attention_norm1"), config.dim, config.norm_eps),
      attention_norm2(weights.scope("attention_norm2"), config.dim, config.norm_eps),
      ffn_norm1(weights.scope("ffn_norm1"), config.dim, config.norm_eps),
      ffn_norm2(weights.scope("ffn_norm2"), config.dim, config.norm_eps),
      heads(config.heads),
      kv_heads(config.kv_heads),
      head_dim(config.head_dim()),
      modulated(modulated) {
  if (config.qk_norm) {
    q_norm = weights.get("attention.q_norm.weight", {head_dim}, Init::ones(), Role::kExact);
    k_norm = weights.get("attention.k_norm.weight", {head_dim}, Init::ones(), Role::kExact);
  }
  if (modulated) {
    adaln = Linear(weights.scope("adaLN_modulation.1"), config.adaln_dim(), 4 * config.dim, true, Init::zeros());
  }
  if (!w1.device().is_cpu()) join_on_gpu();
}

// One launch less, and a product that fills the GPU better. On a CPU weights stay where the file is mapped.
void NextDitBlock::join_on_gpu() {
  w1_w3 = w1.joined(w3);
  if (!w1_w3.defined()) return;
  const int64_t hidden = w1.out();
  w1 = w1_w3.rows(0, hidden);
  w3 = w1_w3.rows(hidden, hidden);
}

Linear NextDitBlock::queries() const { return q.defined() ? q : qkv.rows(0, heads * head_dim); }

Linear NextDitBlock::keys_and_values() const {
  return kv.defined() ? kv : qkv.rows(heads * head_dim, 2 * kv_heads * head_dim);
}

void NextDitBlock::part_queries() {
  if (!qkv.multiplies_int8()) return;
  const Linear first = queries(), second = keys_and_values();
  q = first;
  kv = second;
}

BlockModulation NextDitBlock::modulation(const at::Tensor& silu_t) const {
  if (!modulated) {
    return {attention_norm1.weight.unsqueeze(0), attention_norm2.weight.unsqueeze(0), ffn_norm1.weight.unsqueeze(0),
            ffn_norm2.weight.unsqueeze(0)};
  }
  const auto parts = adaln(silu_t.to(adaln.dtype())).to(at::kFloat).chunk(4, 1);
  return {attention_norm1.weight * (1 + parts[0]), attention_norm2.weight * parts[1].tanh(),
          ffn_norm1.weight * (1 + parts[2]), ffn_norm2.weight * parts[3].tanh()};
}

at::ScalarType NextDitBlock::attention_dtype() const {
  // The CPU's attention kernels take several times as long for the gradients in bf16 as in fp32.
  return qkv.device().is_cpu() && qkv.trained() ? at::kFloat : qkv.dtype();
}

LayerInput NextDitBlock::attention_input(Stream& in, const Packing& packing, const BlockModulation& modulation) const {
  if (auto opened = std::exchange(in.opened, std::nullopt)) return *std::move(opened);
  return norm_for(qkv, in.rows, {modulation.attention_in, packing.group}, attention_norm1.eps);
}

Stream NextDitBlock::operator()(Stream in, const Packing& packing, const BlockModulation& modulation,
                                const std::optional<FollowingBlock>& following) const {
  const at::Tensor rows = qkv(attention_input(in, packing, modulation));
  const auto parts = split_heads(rows, {{heads, true, q_norm}, {kv_heads, true, k_norm}, {kv_heads}}, head_dim,
                                 kQkNormEps, packing.rope, attention_dtype());
  const at::Tensor attended = packed_attention(parts[0], parts[1], parts[2], packing.segments, packing.segments)
                                  .flatten(1)
                                  .to(rows.scalar_type());
  return after_attention(in.rows, attended, modulation, packing.group, following);
}

at::Tensor NextDitBlock::for_rows(Stream in, const Packing& packing, const BlockModulation& modulation,
                                  const RowSubset& subset) const {
  const LayerInput opened = attention_input(in, packing, modulation);
  const at::Tensor q_rows = queries()(opened.some(subset.rows));
  const at::Tensor kv_rows = keys_and_values()(opened);
  const at::Tensor q_heads =
      split_heads(q_rows, {{heads, true, q_norm}}, head_dim, kQkNormEps, subset.rope, attention_dtype())[0];
  const auto kv_parts = split_heads(kv_rows, {{kv_heads, true, k_norm}, {kv_heads}}, head_dim, kQkNormEps, packing.rope,
                                    attention_dtype());
  const at::Tensor attended = packed_attention(q_heads, kv_parts[0], kv_parts[1], subset.segments, packing.segments)
                                  .flatten(1)
                                  .to(q_rows.scalar_type());
  return after_attention(in.rows.index_select(0, subset.rows), attended, modulation, subset.group, std::nullopt).rows;
}

Stream NextDitBlock::after_attention(const at::Tensor& x, const at::Tensor& attended, const BlockModulation& modulation,
                                     const at::Tensor& group, const std::optional<FollowingBlock>& following) const {
  const RowWeights closing{modulation.attention_out, group};
  const auto [middle, in] =
      residual_norm_for(w1, x, out(attended), closing, attention_norm2.eps, modulation.ffn_in, ffn_norm1.eps);
  const LayerInput hidden = w1_w3.defined() ? LayerInput(swiglu_of_halves(w1_w3(in))) : swiglu_for(w2, w1, w3, in);
  const RowWeights last{modulation.ffn_out, group};
  if (!following) return {add_scaled_rms_norm(middle, w2(hidden), last, ffn_norm2.eps), std::nullopt};
  auto [rows, opened] = residual_norm_for(following->qkv, middle, w2(hidden), last, ffn_norm2.eps,
                                          following->attention_in, following->eps);
  return {std::move(rows), std::move(opened)};
}

}  // namespace svg
