// Gemma-2 as text encoder and as greedy writer of prompts. Source: arXiv 2408.00118; names as in the published files.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "core/weights.h"
#include "models/conditioners/gemma2_config.h"
#include "models/kinds.h"
#include "models/part.h"
#include "ops/layers.h"

namespace svg {

/// Keys and values of one layer for one sequence. Filled in place, so for inference only.
struct KeyValueCache {
  at::Tensor k, v;     // (capacity, KV, D)
  int64_t length = 0;  // rows filled
};

/// Tokens of several sequences in one row-major block; the matrices see all rows at once, attention one sequence.
struct PackedTokens {
  std::vector<int64_t> lengths;
  int64_t past = 0;     // tokens before the first row; only with a single sequence
  at::Tensor cos, sin;  // (rows, D/2), of each row's position
  at::Tensor slots;     // (rows) int64, of each row among sequences padded to the longest; undefined before pad()

  PackedTokens(const Gemma2Config& config, std::vector<int64_t> lengths, int64_t past, at::Device device);

  /// From here on attention takes all sequences at once. A GPU loses less by the padding than by launches for each.
  void pad();
  int64_t longest() const { return *std::max_element(lengths.begin(), lengths.end()); }
};

/// RMSNorm whose stored weight is the difference from one.
struct Gemma2Norm {
  at::Tensor weight;
  double eps = 1e-6;

  Gemma2Norm() = default;
  Gemma2Norm(const Weights& weights, const Gemma2Config& config, Init init = Init::zeros());
  at::Tensor operator()(const at::Tensor& x) const;
  /// x (rows, hidden) as `next` takes it.
  LayerInput before(const Linear& next, const at::Tensor& x) const;
};

struct Gemma2Attention {
  Linear q_proj, k_proj, v_proj, o_proj;
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  int64_t window = 0;  // 0: all tokens before
  double scale = 0;
  double soft_cap = 0;  // 0: none
  bool plain = false;   // computes the scores one by one without a cap too: what libtorch's kernel is held against

  Gemma2Attention() = default;
  Gemma2Attention(const Weights& weights, const Gemma2Config& config, bool sliding);
  /// x (rows, hidden) to (rows, hidden). A cache is read for the past and takes the new rows.
  at::Tensor operator()(const LayerInput& x, const PackedTokens& tokens, KeyValueCache* cache) const;

 private:
  /// q (B, T, H, D) of the positions first..first+T-1, k and v (B, S, KV, D) of the positions 0..S-1; returns
  /// (B, T, H * D).
  at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t first) const;
  /// Step by step, which a cap needs. q (B, T, H, D), k and v (B, S, KV, D), mask (T, S) or undefined; (B, T, H * D).
  at::Tensor attend_plain(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask) const;
};

struct Gemma2Layer {
  Gemma2Norm input_norm, post_attention_norm, pre_feedforward_norm, post_feedforward_norm;
  Gemma2Attention attention;
  Linear gate_proj, up_proj, down_proj;

  Gemma2Layer() = default;
  Gemma2Layer(const Weights& weights, const Gemma2Config& config, bool sliding);
  at::Tensor operator()(const at::Tensor& x, const PackedTokens& tokens, KeyValueCache* cache = nullptr) const;
};

class Gemma2 : public Conditioner, public TextWriter {
 public:
  /// Takes keys with or without "model." in front. Reads all layers but the last, which only generation needs.
  /// Throws Error(kWeightsMismatch) where the weights are not those of the configuration.
  Gemma2(const Weights& weights, Gemma2Config config);

  /// Throws Error(kWeightsMismatch) naming stored tensors that belong to no Gemma-2 (core/weights.h).
  void refuse_unknown() const;
  /// What belongs to one, but is read late or never.
  static bool is_spare(const std::string& name);
  /// A projection of a layer: what is multiplied as int8 where the vocabulary stays as it is stored.
  static bool is_projection(const std::string& name);

  const Gemma2Config& config() const { return config_; }
  ConditionKind kind() const override { return ConditionKind::text(config_.hidden_size, kGemma2MaxPositions); }
  /// {"hiddenSize", "vocabSize", "maxTokens", "attentionSoftCap"}.
  Json facts() const override;
  TextWriter* writer() override { return this; }

  /// The text features: output of the last layer but one, before any norm (hidden_states[-2]).
  /// Takes token ids without padding; returns one (L_i, hidden) per prompt, in the working dtype.
  std::vector<at::Tensor> encode(const std::vector<std::vector<int64_t>>& prompts) const override;

  /// As above from padded ids and mask (B, L), padding on one side; returns (B, L, hidden), zero at padding.
  at::Tensor encode_padded(const at::Tensor& ids, const at::Tensor& mask) const;

  /// Logits (vocab) of the token that follows the prompt.
  at::Tensor next_token_logits(const std::vector<int64_t>& prompt);

  std::vector<int64_t> generate(const std::vector<int64_t>& prompt, int64_t max_new_tokens,
                                const TokenFn& on_token = {}) override;

 private:
  at::Tensor embed(const std::vector<int64_t>& ids) const;
  void check_ids(const std::vector<int64_t>& ids) const;
  void load_head();
  /// Runs all layers over one sequence's next tokens and returns the logits (vocab) of its last row.
  at::Tensor step(const std::vector<int64_t>& ids, std::vector<KeyValueCache>& caches) const;
  at::Tensor logits(const at::Tensor& row) const;

  Gemma2Config config_;
  Weights root_;                     // sees lm_head
  Weights weights_;                  // sees embed_tokens, layers, norm
  at::Tensor embedding_;             // (vocab, hidden) as stored, never cast as a whole
  at::Tensor head_table_;            // the same, or lm_head; defined once the head is loaded
  std::vector<Gemma2Layer> layers_;  // all but the last until the head is loaded
  Gemma2Norm final_norm_;
  at::ScalarType dtype_ = at::kFloat;
  at::Device device_ = at::kCPU;
};

ConditionerKind gemma2_kind();

}  // namespace svg
