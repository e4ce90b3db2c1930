// Tiles of a product, as large as a processor's registers take them, and the panels that they read.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cpu/elements.h"

namespace svg::cpu {

/// A register of `Bytes`, and the same in memory, wherever it begins.
template <int Bytes>
struct Register {
  typedef float Vector __attribute__((vector_size(Bytes)));
  typedef float Stored __attribute__((vector_size(Bytes), aligned(4), may_alias));
};

/// What fits a processor: a tile of kRows x kColumns sums stays in its registers, a panel of kColumns outputs by kDepth
/// inputs in its first cache, kGroupBytes of panels in its second one.
template <int Bytes, int Rows, int Depth, int GroupBytes>
struct Shape {
  using Vector = typename Register<Bytes>::Vector;
  using Stored = typename Register<Bytes>::Stored;
  static constexpr int kLanes = Bytes / sizeof(float), kColumns = 2 * kLanes;
  static constexpr int kRows = Rows, kDepth = Depth, kGroupBytes = GroupBytes;
};
using Avx512 = Shape<64, 12, 192, 512 << 10>;
using Avx2 = Shape<32, 6, 384, 256 << 10>;
using Any = Shape<16, 4, 512, 128 << 10>;

template <typename S>
SVG_INLINE const typename S::Stored& vector_at(const float* at) {
  return *reinterpret_cast<const typename S::Stored*>(at);
}
template <typename S>
SVG_INLINE typename S::Stored& vector_at(float* at) {
  return *reinterpret_cast<typename S::Stored*>(at);
}

/// sums (Rows, kColumns), kColumns apart, of `Rows` rows of x with a panel (depth, kColumns): set, or added to.
template <typename S, int Rows>
SVG_INLINE void multiply_tile(const float* x, int64_t stride, const float* panel, int64_t depth, float* sums,
                              bool first) {
  typename S::Vector sum[Rows][2];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    float* const row = sums + r * S::kColumns;
    for (int half = 0; half < 2; ++half) {
      if (first) {
        sum[r][half] = typename S::Vector{};
      } else {
        sum[r][half] = vector_at<S>(row + half * S::kLanes);
      }
    }
  }
  for (int64_t k = 0; k < depth; ++k) {
    const typename S::Vector left = vector_at<S>(panel + k * S::kColumns);
    const typename S::Vector right = vector_at<S>(panel + k * S::kColumns + S::kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const float value = x[r * stride + k];
      sum[r][0] += value * left;
      sum[r][1] += value * right;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    vector_at<S>(sums + r * S::kColumns) = sum[r][0];
    vector_at<S>(sums + r * S::kColumns + S::kLanes) = sum[r][1];
  }
}

typedef float Four __attribute__((vector_size(16)));
typedef float StoredFour __attribute__((vector_size(16), aligned(4), may_alias));

#ifdef __clang__
#define SVG_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int32_t FourIndices __attribute__((vector_size(16)));
#define SVG_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, FourIndices{__VA_ARGS__})
#endif

/// to[k][n] = from[n][k], 4x4.
SVG_INLINE void transpose_four(const float* from, int64_t stride, float* to, int64_t to_stride) {
  Four row[4];
  for (int i = 0; i < 4; ++i) row[i] = *reinterpret_cast<const StoredFour*>(from + i * stride);
  const Four low = SVG_SHUFFLE(row[0], row[1], 0, 4, 1, 5), high = SVG_SHUFFLE(row[0], row[1], 2, 6, 3, 7);
  const Four low_end = SVG_SHUFFLE(row[2], row[3], 0, 4, 1, 5), high_end = SVG_SHUFFLE(row[2], row[3], 2, 6, 3, 7);
  const Four column[4] = {SVG_SHUFFLE(low, low_end, 0, 1, 4, 5), SVG_SHUFFLE(low, low_end, 2, 3, 6, 7),
                          SVG_SHUFFLE(high, high_end, 0, 1, 4, 5), SVG_SHUFFLE(high, high_end, 2, 3, 6, 7)};
  for (int i = 0; i < 4; ++i) *reinterpret_cast<StoredFour*>(to + i * to_stride) = column[i];
}

/// `count` rows of `depth` numbers, at most `lanes` rows, as columns: panel[k][n] = from[n][k], lines of the panel
/// `columns` apart. Columns that there are no rows for are zeros.
SVG_INLINE void transpose_rows(const float* from, int64_t stride, int64_t count, int64_t depth, float* panel,
                               int64_t lanes, int64_t columns) {
  int64_t n = 0;
  for (; n + 4 <= count; n += 4) {
    int64_t k = 0;
    for (; k + 4 <= depth; k += 4) transpose_four(from + n * stride + k, stride, panel + k * columns + n, columns);
    for (; k < depth; ++k) {
      for (int64_t i = n; i < n + 4; ++i) panel[k * columns + i] = from[i * stride + k];
    }
  }
  for (; n < lanes; ++n) {
    for (int64_t k = 0; k < depth; ++k) panel[k * columns + n] = n < count ? from[n * stride + k] : 0.0f;
  }
}

/// Memory of a thread for `values` numbers, kept for the next time.
inline float* room_for(std::vector<float>& kept, int64_t values) {
  if (static_cast<int64_t>(kept.size()) < values) {
    kept.clear();  // nothing to copy
    kept.resize(values);
  }
  return kept.data();
}

// For functions that are compiled for one of the shapes, and whether the processor runs them.
#if defined(__x86_64__) && defined(__GNUC__)
#define SVG_HAS_AVX 1
#define SVG_AVX2 __attribute__((target("avx2,fma")))
#define SVG_AVX512 __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")))

inline bool runs_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}
inline bool runs_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

}  // namespace svg::cpu
