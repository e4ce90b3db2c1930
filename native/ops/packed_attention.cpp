#include "ops/packed_attention.h"

#include "core/error.h"
#include "ops/attention.h"

namespace svg {

at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<int64_t>& q_offsets, const std::vector<int64_t>& k_offsets) {
  SVG_CHECK(q_offsets.size() == k_offsets.size() && q_offsets.size() > 1, ErrorCode::kInternal, "[packed_attention] ",
            q_offsets.size(), " query offsets, ", k_offsets.size(), " key offsets");
  std::vector<at::Tensor> outputs;
  outputs.reserve(q_offsets.size() - 1);
  const size_t segments = q_offsets.size() - 1;
  for (size_t i = 0, next = 0; i < segments; i = next) {
    const int64_t rows = q_offsets[i + 1] - q_offsets[i];
    const int64_t keys = k_offsets[i + 1] - k_offsets[i];
    const auto equal = [&](size_t j) {
      return q_offsets[j + 1] - q_offsets[j] == rows && k_offsets[j + 1] - k_offsets[j] == keys;
    };
    for (next = i + 1; next < segments && equal(next);) ++next;
    if (rows == 0) continue;
    // Neighbours of equal length are one batch, without a copy.
    const auto count = static_cast<int64_t>(next - i);
    const auto batch = [&](const at::Tensor& all, int64_t first, int64_t length) {
      return all.narrow(0, first, count * length).unflatten(0, {count, length});
    };
    outputs.push_back(
        attention(batch(q, q_offsets[i], rows), batch(k, k_offsets[i], keys), batch(v, k_offsets[i], keys))
            .flatten(0, 1));
  }
  if (outputs.empty()) return q;
  return outputs.size() == 1 ? outputs[0] : at::cat(outputs, 0);
}

}  // namespace svg
