#include "ops/attention.h"

#include <cmath>

#include "core/error.h"

namespace svg {

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionOptions& options) {
  const int64_t heads = q.size(2);
  const int64_t kv_heads = k.size(2);
  SVG_CHECK(heads % kv_heads == 0, ErrorCode::kInternal, "[attention] ", heads, " heads over ", kv_heads);
  const double scale = options.scale > 0 ? options.scale : 1.0 / std::sqrt(static_cast<double>(q.size(3)));
  const std::optional<at::Tensor> mask =
      options.mask.defined() ? std::optional<at::Tensor>(options.mask) : std::nullopt;
  return at::scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), mask,
                                          /*dropout_p=*/0.0, options.causal, scale,
                                          /*enable_gqa=*/heads != kv_heads)
      .transpose(1, 2);
}

}  // namespace svg
