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

}  // namespace svg
