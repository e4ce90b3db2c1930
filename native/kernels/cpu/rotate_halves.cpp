#include "kernels/rotate_halves.h"

#include "kernels/cpu.h"
#include "kernels/cpu/elements.h"

namespace svg::cpu {
namespace {

template <typename T>
SVG_INLINE void halves_range(const Rows& x, const float* cos, const float* sin, const Rows& out, int64_t begin,
                             int64_t end, int64_t heads, int64_t head_dim) {
  const int64_t half = head_dim / 2;
  for (int64_t r = begin; r < end; ++r) {
    const float *c = cos + r * head_dim, *s = sin + r * head_dim;
    for (int64_t h = 0; h < heads; ++h) {
      const T* in = row<const T>(x, r) + h * head_dim;
      T* o = row<T>(out, r) + h * head_dim;
#pragma omp simd
      for (int64_t i = 0; i < half; ++i) {
        const float first = load(in, i), second = load(in, half + i);
        store(o, i, first * c[i] + -second * s[i]);
        store(o, half + i, second * c[half + i] + first * s[half + i]);
      }
    }
  }
}

// target_clones takes no templates: one named function per type.
SVG_CLONES void halves_f32(const Rows& x, const float* cos, const float* sin, const Rows& out, int64_t begin,
                           int64_t end, int64_t heads, int64_t head_dim) {
  halves_range<float>(x, cos, sin, out, begin, end, heads, head_dim);
}
SVG_CLONES void halves_bf16(const Rows& x, const float* cos, const float* sin, const Rows& out, int64_t begin,
                            int64_t end, int64_t heads, int64_t head_dim) {
  halves_range<BFloat16>(x, cos, sin, out, begin, end, heads, head_dim);
}

}  // namespace

void rotate_halves(Rows x, const float* cos, const float* sin, Rows out, int64_t rows, int64_t heads,
                   int64_t head_dim) {
  const auto run = x.type == Real::kFloat32 ? &halves_f32 : &halves_bf16;
  parallel_rows(rows, kGrain, [&](int64_t begin, int64_t end) { run(x, cos, sin, out, begin, end, heads, head_dim); });
}

}  // namespace svg::cpu
