#include "models/conditioners/gemma2_work.h"

namespace svg {

Work gemma2_work(const Gemma2Config& config, int64_t tokens, int64_t element_bytes) {
  const int64_t e = element_bytes, width = config.hidden_size, hidden = config.intermediate_size;
  const int64_t q = config.heads * config.head_dim, kv = config.kv_heads * config.head_dim;
  const auto depth = static_cast<double>(config.layers - 1);  // features are those before the last layer
  Work work;
  work.product(tokens, width, q, depth);
  work.product(tokens, width, kv, 2 * depth);
  work.product(tokens, q, width, depth);
  work.product(tokens, width, hidden, 2 * depth);
  work.product(tokens, hidden, width, depth);
  work.attention({tokens, tokens, config.heads, config.kv_heads, config.head_dim, depth});
  const int64_t norms = 4 * 4 * e * width, rotation = (q + kv) * (2 * e + 6 * kFloatBytes), gate = 5 * e * hidden;
  work.pass(depth * static_cast<double>(tokens * (norms + rotation + gate)), 24 * depth);
  work.hold(tokens * e * (6 * width + 4 * hidden));
  return work;
}

}  // namespace svg
