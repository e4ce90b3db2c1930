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
  for (size_t i = 0; i + 1 < q_offsets.size(); ++i) {
    const int64_t rows = q_offsets[i + 1] - q_offsets[i];
    const int64_t keys = k_offsets[i + 1] - k_offsets[i];
    if (rows == 0) continue;
    const at::Tensor q_part = q.narrow(0, q_offsets[i], rows).unsqueeze(0);
    const at::Tensor k_part = k.narrow(0, k_offsets[i], keys).unsqueeze(0);
    const at::Tensor v_part = v.narrow(0, k_offsets[i], keys).unsqueeze(0);
    outputs.push_back(attention(q_part, k_part, v_part).squeeze(0));
  }
  if (outputs.empty()) return q;
  return outputs.size() == 1 ? outputs[0] : at::cat(outputs, 0);
}

}  // namespace svg
