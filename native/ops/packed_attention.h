// Attention over packed sequences: each segment of rows attends within itself, no padding.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace svg {

/// Sequences laid one after the other: segment i holds the rows offsets[i] .. offsets[i + 1].
struct Segments {
  std::vector<int64_t> offsets;
  at::Tensor bounds;      // the offsets as int32 on a GPU; undefined elsewhere
  int64_t most_rows = 0;  // of a segment, where offsets change after a kernel was recorded with what it is given

  Segments() = default;
  /// Copies to a GPU, which waits for it: once a batch, not once a layer.
  Segments(std::vector<int64_t> offsets, at::Device device);

  int64_t count() const { return static_cast<int64_t>(offsets.size()) - 1; }
  int64_t rows() const { return offsets.back(); }
  int64_t longest() const;
};

/// Whether there is a kernel that reads the bounds of packed segments on the device.
bool has_packed_kernel(at::Device device, at::ScalarType dtype, int64_t head_dim);

/// q (Tq, H, D), k and v (Tk, KV, D), segment by segment; returns (Tq, H, D). On a GPU by whichever way was measured to
/// be the fastest for such segments.
at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Segments& q_segments,
                            const Segments& k_segments);
/// The same by one call of attention() for each run of segments of equal length.
at::Tensor packed_attention_reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                      const Segments& q_segments, const Segments& k_segments);

}  // namespace svg
