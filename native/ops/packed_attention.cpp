#include "ops/packed_attention.h"

#include <ATen/detail/CUDAHooksInterface.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"
#include "core/transfer.h"
#include "ops/attention.h"
#include "ops/fastest_way.h"
#include "ops/fused.h"

namespace svg {
namespace {

// From so many rows a segment on a GPU is filled by each one, and cuDNN's kernels, which know no packing, are the usual
// way (arXiv 2407.08608); from half as many on the two are measured.
constexpr int64_t kLongMean = 2048;

/// Of compute capability 8.0 on. Meta tensors stand for such a GPU (ops/counted.h).
bool has_flash(at::Device device) {
  return device.is_meta() || (device.is_cuda() && at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8());
}

bool fits_flash(const at::Tensor& q, const Segments& q_segments, const Segments& k_segments) {
  return q_segments.bounds.defined() && k_segments.bounds.defined() &&
         has_packed_kernel(q.device(), q.scalar_type(), q.size(2));
}

/// FlashAttention's packed kernel: one launch, and no plan for every new length, as cuDNN makes.
at::Tensor flash(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Segments& q_segments,
                 const Segments& k_segments) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(2)));
  return std::get<0>(at::_flash_attention_forward(q, k, v, q_segments.bounds, k_segments.bounds, q_segments.longest(),
                                                  k_segments.longest(), /*dropout_p=*/0.0, /*is_causal=*/false,
                                                  /*return_debug_mask=*/false, scale));
}

/// What a measurement holds for: rows a segment to the next power of two, segments, heads and their width.
std::string attention_class(const at::Tensor& q, const at::Tensor& k, const Segments& q_segments,
                            const Segments& k_segments) {
  const auto rows = [](const Segments& segments) {
    return std::bit_ceil(static_cast<uint64_t>(segments.rows() / segments.count()));
  };
  return concat("attention ", q.scalar_type(), " ", q.size(1), "/", k.size(1), " heads of ", q.size(2), ", ",
                k_segments.count(), " segments of ", rows(q_segments), " and ", rows(k_segments));
}

}  // namespace

Segments::Segments(std::vector<int64_t> offsets, at::Device device) : offsets(std::move(offsets)) {
  if (device.is_cpu()) return;
  bounds = at::tensor(this->offsets, at::kInt);
  // Counting needs their values, which a meta tensor would not keep.
  if (!device.is_meta()) bounds = sent_to(bounds, device);
}

int64_t Segments::longest() const {
  int64_t rows = most_rows;
  for (size_t i = 0; i + 1 < offsets.size(); ++i) rows = std::max(rows, offsets[i + 1] - offsets[i]);
  return rows;
}

bool has_packed_kernel(at::Device device, at::ScalarType dtype, int64_t head_dim) {
  const bool type = dtype == at::kBFloat16 || dtype == at::kHalf;
  return type && head_dim % 8 == 0 && head_dim <= 256 && has_flash(device);
}

at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Segments& q_segments,
                            const Segments& k_segments) {
  const auto packed = [&] { return flash(q, k, v, q_segments, k_segments); };
  const auto apart = [&] { return packed_attention_reference(q, k, v, q_segments, k_segments); };
  if (!fits_flash(q, q_segments, k_segments)) return apart();
  // What is recorded has to read the bounds on the device.
  if (k_segments.most_rows > 0) return packed();
  const int64_t mean = k_segments.rows() / k_segments.count();
  const bool usually_apart = mean >= kLongMean;
  const bool to_measure = mean >= kLongMean / 2 && q.is_cuda() && !records_grad({q, k, v});
  if (!to_measure) return usually_apart ? apart() : packed();
  const std::vector<Way> ways = usually_apart ? std::vector<Way>{apart, packed} : std::vector<Way>{packed, apart};
  return ways[fastest_way(attention_class(q, k, q_segments, k_segments), ways, device_timer(q.device()))]();
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
