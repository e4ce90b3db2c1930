#include "ops/packed_attention.h"

#include <ATen/detail/CUDAHooksInterface.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "ops/attention.h"

namespace svg {
namespace {

// Longer segments fill a GPU one by one, and cuDNN's kernels, which know no packing, are faster (arXiv 2407.08608).
constexpr int64_t kLongMean = 2048;

/// Of compute capability 8.0 on. Meta tensors stand for such a GPU (ops/counted.h).
bool has_flash(const at::Tensor& q) {
  return q.is_meta() || (q.is_cuda() && at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8());
}

/// FlashAttention's packed kernel: one launch, and no plan for every new length, as cuDNN makes.
bool fits_flash(const at::Tensor& q, const Segments& q_segments, const Segments& k_segments) {
  const bool type = q.scalar_type() == at::kBFloat16 || q.scalar_type() == at::kHalf;
  return type && q.size(2) % 8 == 0 && q.size(2) <= 256 && q_segments.bounds.defined() && k_segments.bounds.defined() &&
         k_segments.rows() < kLongMean * k_segments.count() && has_flash(q);
}

}  // namespace

Segments::Segments(std::vector<int64_t> offsets, at::Device device) : offsets(std::move(offsets)) {
  if (device.is_cpu()) return;
  bounds = at::tensor(this->offsets, at::kInt);
  // Counting needs their values, which a meta tensor would not keep.
  if (!device.is_meta()) bounds = bounds.to(device);
}

int64_t Segments::longest() const {
  int64_t rows = 0;
  for (size_t i = 0; i + 1 < offsets.size(); ++i) rows = std::max(rows, offsets[i + 1] - offsets[i]);
  return rows;
}

at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Segments& q_segments,
                            const Segments& k_segments) {
  if (!fits_flash(q, q_segments, k_segments)) return packed_attention_reference(q, k, v, q_segments, k_segments);
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(2)));
  return std::get<0>(at::_flash_attention_forward(q, k, v, q_segments.bounds, k_segments.bounds, q_segments.longest(),
                                                  k_segments.longest(), /*dropout_p=*/0.0, /*is_causal=*/false,
                                                  /*return_debug_mask=*/false, scale));
}

at::Tensor packed_attention_reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                      const Segments& q_segments, const Segments& k_segments) {
  SVG_CHECK(q_segments.count() == k_segments.count() && q_segments.count() > 0, ErrorCode::kInternal,
            "[packed_attention] ", q_segments.count(), " segments of queries, ", k_segments.count(), " of keys");
  const std::vector<int64_t>& q_offsets = q_segments.offsets;
  const std::vector<int64_t>& k_offsets = k_segments.offsets;
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
