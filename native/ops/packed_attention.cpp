#include "ops/packed_attention.h"

#include "core/error.h"
#include "ops/attention.h"

namespace svg {

at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<int64_t>& q_offsets, const std::vector<int64_t>& k_offsets) {
  SVG_CHECK(q_offsets.size() == k_offsets.size() && q_offsets.size() > 1, ErrorCode::kInternal, "[packed_attention] ",
            q_offsets.size(), " query offsets, ", k_offsets.size(), " key offsets");
  // Neighbours of equal length are one batch, without a copy.
  std::vector<int64_t> counts, q_rows, k_rows;
  for (size_t i = 0; i + 1 < q_offsets.size(); ++i) {
    const int64_t rows = q_offsets[i + 1] - q_offsets[i];
    const int64_t keys = k_offsets[i + 1] - k_offsets[i];
    if (counts.empty() || q_rows.back() != rows * counts.back() || k_rows.back() != keys * counts.back()) {
      counts.push_back(0);
      q_rows.push_back(0);
      k_rows.push_back(0);
    }
    counts.back() += 1;
    q_rows.back() += rows;
    k_rows.back() += keys;
  }
  // Split at once: the gradient of a split is one concatenation, that of every narrow a tensor of all rows.
  const auto qs = q.split_with_sizes(q_rows);
  const auto ks = k.split_with_sizes(k_rows);
  const auto vs = v.split_with_sizes(k_rows);
  std::vector<at::Tensor> outputs;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (q_rows[i] == 0) continue;
    const auto batch = [&](const at::Tensor& rows) { return rows.unflatten(0, {counts[i], rows.size(0) / counts[i]}); };
    outputs.push_back(attention(batch(qs[i]), batch(ks[i]), batch(vs[i])).flatten(0, 1));
  }
  if (outputs.empty()) return q;
  return outputs.size() == 1 ? outputs[0] : at::cat(outputs, 0);
}

}  // namespace svg
