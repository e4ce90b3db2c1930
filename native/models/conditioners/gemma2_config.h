// Dimensions of a Gemma-2 language model, as its config.json gives them.
#pragma once

#include <cstdint>
#include <vector>

#include "core/json.h"

namespace svg {

/// Tokens of the longest sequence that text is generated for: what Gemma-2 was trained on. Memory grows with it.
constexpr int64_t kGemma2MaxPositions = 8192;

struct Gemma2Config {
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;              // independent of hidden_size / heads
  int64_t sliding_window = 0;        // keys that a token of a sliding layer sees, itself included
  double query_pre_attn_scalar = 0;  // scores are scaled by its inverse square root
  double attention_soft_cap = 0;     // cap * tanh(score / cap); 0: none, as the original's features
  double final_soft_cap = 0;         // the same for the logits
  double norm_eps = 1e-6;
  double rope_theta = 10000;
  int64_t pad_token = 0;
  std::vector<int64_t> end_tokens;  // generation stops at any of them
  std::vector<bool> sliding;        // per layer
  bool tied_head = true;            // logits from the embedding table; else from lm_head

  /// Reads config.json of Hugging Face, of transformers 4 or 5. Its attn_logit_softcapping counts only with
  /// `attention_soft_cap`: SVG-T2I was made with transformers 4.57.3, whose default attention (sdpa) leaves it out.
  /// Throws Error(kInvalidConfig) for absent, absurd or contradicting values and for what this model does not do.
  static Gemma2Config from_json(const Json& json, bool attention_soft_cap = false);
};

}  // namespace svg
