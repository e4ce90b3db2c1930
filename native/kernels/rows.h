// How the fused kernels see a tensor.
#pragma once

#include <cstdint>

namespace svg {

enum class Real { kFloat32, kBFloat16 };

/// Rows of elements of one type; `stride` elements lie between two rows.
struct Rows {
  void* data;
  Real type;
  int64_t stride;
};

/// Whether `count` neighbouring elements may be read at once, from every `count`-th element on.
inline bool aligned_for(const Rows& rows, int64_t count) {
  const int64_t bytes = rows.type == Real::kFloat32 ? 4 : 2;
  return rows.stride % count == 0 &&
         reinterpret_cast<uintptr_t>(rows.data) % static_cast<uintptr_t>(count * bytes) == 0;
}

/// Norms of the heads of a row, (head_dim) fp32 each: those before `split` take `first`, the others `second`; null:
/// none.
struct HeadNorms {
  const float* first;
  const float* second;
  int64_t split;
};

}  // namespace svg
