// One transformer block of the NextDiT on packed rows: sandwich norms, grouped queries, SwiGLU.
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <string>
#include <vector>

#include "core/weights.h"
#include "models/next_dit/config.h"
#include "ops/layer_input.h"
#include "ops/layers.h"
#include "ops/modulate.h"
#include "ops/packed_attention.h"
#include "ops/rope.h"

namespace svg {

/// Sequences laid one after the other: rows (T, dim), no padding.
struct Packing {
  Segments segments;
  Rope rope;         // of every row
  at::Tensor group;  // (T) int32, the modulation row of every row; undefined where all share one
};

/// The rows that are asked of a block, where not all are.
struct RowSubset {
  at::Tensor rows;    // (S) int64
  Segments segments;  // of these rows
  Rope rope;
  at::Tensor group;
};

/// Weights of the four norms of a block, adaLN folded in; (G, dim) fp32 each.
struct BlockModulation {
  at::Tensor attention_in;   // attention_norm1 * (1 + scale)
  at::Tensor attention_out;  // attention_norm2 * tanh(gate)
  at::Tensor ffn_in, ffn_out;

  BlockModulation narrow(int64_t start, int64_t length) const;
};

/// The residual stream between two blocks.
struct Stream {
  at::Tensor rows;                   // (T, dim)
  std::optional<LayerInput> opened;  // the rows as the attention of the next block reads them, where that is known
};

/// What the end of a block has to know of the one behind it, to open the stream for it in the same pass.
struct FollowingBlock {
  Linear qkv;
  at::Tensor attention_in;  // of its modulation
  double eps = 0;           // of its attention_norm1
};

struct NextDitBlock {
  std::string name;  // its weights' own: "layers.3"
  Linear qkv, out, w1, w2, w3, adaln;
  Linear q, kv;  // parts of qkv that are packed alone (part_queries())
  Linear w1_w3;  // both as one product; undefined where they are two
  RmsNorm attention_norm1, attention_norm2, ffn_norm1, ffn_norm2;
  at::Tensor q_norm, k_norm;  // undefined without qk_norm
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  bool modulated = false;

  /// How the block before this one opens the stream for it.
  FollowingBlock as_following(const BlockModulation& modulation) const {
    return {qkv, modulation.attention_in, attention_norm1.eps};
  }

  /// From the weights below `name`.
  NextDitBlock(const Weights& model, std::string name, const NextDitConfig& config, bool modulated);

  /// Packs queries alone, where matrices are packed, for a block of which some rows alone are asked.
  void part_queries();

  /// silu_t (G, adaln_dim): SiLU of the time embedding. Undefined for blocks without adaLN.
  BlockModulation modulation(const at::Tensor& silu_t) const;

  /// x (T, dim) one block later, and opened for the block that follows where one is given: the same numbers, in one
  /// pass less.
  Stream operator()(Stream in, const Packing& packing, const BlockModulation& modulation,
                    const std::optional<FollowingBlock>& following) const;
  /// The same for some rows only: all rows still give keys and values. Returns (S, dim).
  at::Tensor for_rows(Stream in, const Packing& packing, const BlockModulation& modulation,
                      const RowSubset& subset) const;

 private:
  NextDitBlock(const Weights& weights, const NextDitConfig& config, bool modulated);

  Linear queries() const;
  Linear keys_and_values() const;
  /// What the attention reads: taken out of `in`, or computed.
  LayerInput attention_input(Stream& in, const Packing& packing, const BlockModulation& modulation) const;
  /// From the end of the attention's branch on. x (T, dim), the stream before it; attended (T, heads * head_dim).
  Stream after_attention(const at::Tensor& x, const at::Tensor& attended, const BlockModulation& modulation,
                         const at::Tensor& group, const std::optional<FollowingBlock>& following) const;
  void join_on_gpu();
  at::ScalarType attention_dtype() const;
};

}  // namespace svg
