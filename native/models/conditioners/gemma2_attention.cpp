#include <cmath>
#include <limits>
#include <numeric>

#include "core/cancel.h"
#include "core/error.h"
#include "models/conditioners/gemma2.h"
#include "ops/attention.h"

namespace svg {
namespace {

constexpr int64_t kQueryBlock = 512;  // rows of scores held at once, so that memory does not grow with T * S

// Rotates the halves of each head: x (rows, H, D), cos and sin (rows, D/2). In fp32, returned in x's dtype.
at::Tensor rotate(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  const std::vector<at::Tensor> halves = x.to(at::kFloat).chunk(2, -1);
  const at::Tensor c = cos.unsqueeze(1), s = sin.unsqueeze(1);
  return at::cat({halves[0] * c - halves[1] * s, halves[1] * c + halves[0] * s}, -1).to(x.scalar_type());
}

// Rows of positions `first`.. and columns of positions `first_key`..: true where a row may look.
at::Tensor visible(int64_t rows, int64_t first, int64_t columns, int64_t first_key, int64_t window, at::Device device) {
  const at::TensorOptions options = at::TensorOptions().dtype(at::kLong).device(device);
  const at::Tensor query = at::arange(first, first + rows, options).unsqueeze(1);
  const at::Tensor key = at::arange(first_key, first_key + columns, options).unsqueeze(0);
  const at::Tensor causal = key <= query;
  return window > 0 ? causal & (key > query - window) : causal;
}

}  // namespace

PackedTokens::PackedTokens(const Gemma2Config& config, std::vector<int64_t> lengths_in, int64_t past_in,
                           at::Device device)
    : lengths(std::move(lengths_in)), past(past_in) {
  SVG_CHECK(past == 0 || lengths.size() == 1, ErrorCode::kInternal, "[gemma2] a past needs a single sequence");
  const at::TensorOptions options = at::TensorOptions().dtype(at::kFloat).device(device);
  std::vector<at::Tensor> positions;
  for (const int64_t length : lengths) positions.push_back(at::arange(past, past + length, options));
  const at::Tensor exponent = at::arange(0, config.head_dim, 2, options) / static_cast<double>(config.head_dim);
  const at::Tensor frequency = 1 / at::pow(config.rope_theta, exponent);
  const at::Tensor angle = at::cat(positions).unsqueeze(1) * frequency.unsqueeze(0);  // (rows, D/2)
  cos = angle.cos();
  sin = angle.sin();
}

void PackedTokens::pad() {
  const int64_t width = longest();
  std::vector<at::Tensor> rows;
  for (size_t i = 0; i < lengths.size(); ++i) {
    const int64_t begin = static_cast<int64_t>(i) * width;
    rows.push_back(at::arange(begin, begin + lengths[i], at::kLong));
  }
  slots = at::cat(rows).to(cos.device());
}

Gemma2Attention::Gemma2Attention(const Weights& weights, const Gemma2Config& config, bool sliding)
    : q_proj(weights.scope("q_proj"), config.hidden_size, config.heads * config.head_dim, false),
      k_proj(weights.scope("k_proj"), config.hidden_size, config.kv_heads * config.head_dim, false),
      v_proj(weights.scope("v_proj"), config.hidden_size, config.kv_heads * config.head_dim, false),
      o_proj(weights.scope("o_proj"), config.heads * config.head_dim, config.hidden_size, false),
      heads(config.heads),
      kv_heads(config.kv_heads),
      head_dim(config.head_dim),
      window(sliding ? config.sliding_window : 0),
      scale(1.0 / std::sqrt(config.query_pre_attn_scalar)),
      soft_cap(config.attention_soft_cap) {}

at::Tensor Gemma2Attention::operator()(const LayerInput& x, const PackedTokens& tokens, KeyValueCache* cache) const {
  const int64_t rows = tokens.cos.size(0);
  const at::Tensor q = rotate(q_proj(x).view({rows, heads, head_dim}), tokens.cos, tokens.sin);
  const at::Tensor k = rotate(k_proj(x).view({rows, kv_heads, head_dim}), tokens.cos, tokens.sin);
  const at::Tensor v = v_proj(x).view({rows, kv_heads, head_dim});
  if (cache) {
    cache->k.narrow(0, cache->length, rows).copy_(k);
    cache->v.narrow(0, cache->length, rows).copy_(v);
    cache->length += rows;
    const at::Tensor keys = cache->k.narrow(0, 0, cache->length), values = cache->v.narrow(0, 0, cache->length);
    return o_proj(attend(q.unsqueeze(0), keys.unsqueeze(0), values.unsqueeze(0), tokens.past)[0]);
  }
  if (tokens.slots.defined()) {
    // What pads a sequence lies behind it, where no row of it looks.
    const auto padded = [&](const at::Tensor& x) {
      const int64_t count = static_cast<int64_t>(tokens.lengths.size());
      const at::Tensor all = at::zeros({count * tokens.longest(), x.size(1), x.size(2)}, x.options());
      return all.index_copy(0, tokens.slots, x).unflatten(0, {count, tokens.longest()});
    };
    return o_proj(attend(padded(q), padded(k), padded(v), 0).flatten(0, 1).index_select(0, tokens.slots));
  }
  std::vector<at::Tensor> outputs;
  int64_t begin = 0;
  for (const int64_t length : tokens.lengths) {
    const auto part = [&](const at::Tensor& x) { return x.narrow(0, begin, length).unsqueeze(0); };
    outputs.push_back(attend(part(q), part(k), part(v), 0)[0]);
    begin += length;
  }
  return o_proj(at::cat(outputs));
}

at::Tensor Gemma2Attention::attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t first) const {
  const int64_t length = q.size(1);
  const bool step_by_step = soft_cap > 0 || plain;
  if (!step_by_step && first == 0 && length > 1 && (window == 0 || length <= window)) {
    return attention(q, k, v, {scale, /*causal=*/true, {}}).flatten(2);
  }
  std::vector<at::Tensor> blocks;
  for (int64_t begin = 0; begin < length; begin += kQueryBlock) {
    check_cancelled();
    const int64_t rows = std::min(kQueryBlock, length - begin);
    // Keys that some row of the block sees: up to its last position, from its first one's window.
    const int64_t end_key = first + begin + rows;
    const int64_t first_key = window > 0 ? std::max<int64_t>(0, first + begin - window + 1) : 0;
    const int64_t keys = end_key - first_key;
    const at::Tensor q_block = q.narrow(1, begin, rows);
    const at::Tensor k_block = k.narrow(1, first_key, keys), v_block = v.narrow(1, first_key, keys);
    at::Tensor mask;  // a single row sees all keys of its block
    if (rows > 1) mask = visible(rows, first + begin, keys, first_key, window, q.device());
    blocks.push_back(step_by_step ? attend_plain(q_block, k_block, v_block, mask)
                                  : attention(q_block, k_block, v_block, {scale, /*causal=*/false, mask}).flatten(2));
  }
  return blocks.size() == 1 ? blocks[0] : at::cat(blocks, 1);
}

at::Tensor Gemma2Attention::attend_plain(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                         const at::Tensor& mask) const {
  const int64_t group = heads / kv_heads, batch = q.size(0), rows = q.size(1), keys = k.size(1);
  // (B * KV, D, keys) and (B * KV, keys, D)
  const at::Tensor k_columns = k.permute({0, 2, 3, 1}).flatten(0, 1);
  const at::Tensor v_rows = v.transpose(1, 2).flatten(0, 1);
  // The queries that share a key-value head become rows of one product: (B * KV, group * rows, D).
  const at::Tensor q_rows =
      q.unflatten(2, {kv_heads, group}).permute({0, 2, 3, 1, 4}).reshape({batch * kv_heads, group * rows, head_dim});
  at::Tensor scores = at::bmm(q_rows, k_columns).to(at::kFloat) * scale;
  if (soft_cap > 0) scores = at::tanh(scores / soft_cap) * soft_cap;
  if (mask.defined()) {
    scores = scores.view({batch * kv_heads, group, rows, keys})
                 .masked_fill(mask.logical_not(), -std::numeric_limits<float>::infinity())
                 .view({batch * kv_heads, group * rows, keys});
  }
  const at::Tensor mixed = at::bmm(at::softmax(scores, -1).to(v.scalar_type()), v_rows);
  return mixed.view({batch, kv_heads, group, rows, head_dim})
      .permute({0, 3, 1, 2, 4})
      .reshape({batch, rows, heads * head_dim});
}

}  // namespace svg
