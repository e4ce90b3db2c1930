#include "kernels/cpu.h"
#include "kernels/cpu/elements.h"

namespace svg::cpu {
namespace {

template <typename X, typename O>
SVG_INLINE void norm_range(const Rows& x, const float* weight, const int32_t* group, float eps, const Rows& out,
                           int64_t begin, int64_t end, int64_t dim) {
  for (int64_t r = begin; r < end; ++r) {
    const X* in = row<const X>(x, r);
    const float* w = weight + (group ? group[r] * dim : 0);
    O* o = row<O>(out, r);
    const float scale = inverse_rms(in, dim, eps);
#pragma omp simd
    for (int64_t i = 0; i < dim; ++i) store(o, i, load(in, i) * scale * w[i]);
  }
}

template <typename X, typename Y>
SVG_INLINE void add_norm_range(const Rows& x, const Rows& y, const float* weight, const int32_t* group, float eps,
                               const Rows& out, int64_t begin, int64_t end, int64_t dim) {
  for (int64_t r = begin; r < end; ++r) {
    const X* base = row<const X>(x, r);
    const Y* branch = row<const Y>(y, r);
    const float* w = weight + (group ? group[r] * dim : 0);
    X* o = row<X>(out, r);
    const float scale = inverse_rms(branch, dim, eps);
#pragma omp simd
    for (int64_t i = 0; i < dim; ++i) store(o, i, load(base, i) + load(branch, i) * scale * w[i]);
  }
}

template <typename X, typename O>
SVG_INLINE void rotate_range(const Rows& x, const HeadNorms& norms, float eps, const float* cos, const float* sin,
                             const Rows& out, int64_t begin, int64_t end, int64_t heads, int64_t head_dim) {
  const int64_t pairs = head_dim / 2;
  for (int64_t r = begin; r < end; ++r) {
    const float* c = cos + r * pairs;
    const float* s = sin + r * pairs;
    for (int64_t h = 0; h < heads; ++h) {
      const X* in = row<const X>(x, r) + h * head_dim;
      O* o = row<O>(out, r) + h * head_dim;
      const float* weight = h < norms.split ? norms.first : norms.second;
      const float scale = weight ? inverse_rms(in, head_dim, eps) : 1.0f;
#pragma omp simd
      for (int64_t i = 0; i < pairs; ++i) {
        const float even = load(in, 2 * i) * scale * (weight ? weight[2 * i] : 1.0f);
        const float odd = load(in, 2 * i + 1) * scale * (weight ? weight[2 * i + 1] : 1.0f);
        store(o, 2 * i, even * c[i] - odd * s[i]);
        store(o, 2 * i + 1, even * s[i] + odd * c[i]);
      }
    }
  }
}

template <typename T>
SVG_INLINE void swiglu_range(const Rows& gate, const Rows& up, const Rows& out, int64_t begin, int64_t end,
                             int64_t dim) {
  for (int64_t r = begin; r < end; ++r) {
    const T* g = row<const T>(gate, r);
    const T* u = row<const T>(up, r);
    T* o = row<T>(out, r);
#pragma omp simd
    for (int64_t i = 0; i < dim; ++i) {
      const float value = load(g, i);
      store(o, i, value / (1.0f + fast_exp(-value)) * load(u, i));
    }
  }
}

// target_clones takes no templates: one named function per pair of types.
#define SVG_NORM(name, X, O)                                                                                 \
  SVG_CLONES void name(const Rows& x, const float* weight, const int32_t* group, float eps, const Rows& out, \
                       int64_t begin, int64_t end, int64_t dim) {                                            \
    norm_range<X, O>(x, weight, group, eps, out, begin, end, dim);                                           \
  }
SVG_NORM(norm_f32_f32, float, float)
SVG_NORM(norm_f32_bf16, float, BFloat16)
SVG_NORM(norm_bf16_f32, BFloat16, float)
SVG_NORM(norm_bf16_bf16, BFloat16, BFloat16)
#undef SVG_NORM

#define SVG_ADD_NORM(name, X, Y)                                                                           \
  SVG_CLONES void name(const Rows& x, const Rows& y, const float* weight, const int32_t* group, float eps, \
                       const Rows& out, int64_t begin, int64_t end, int64_t dim) {                         \
    add_norm_range<X, Y>(x, y, weight, group, eps, out, begin, end, dim);                                  \
  }
SVG_ADD_NORM(add_norm_f32_f32, float, float)
SVG_ADD_NORM(add_norm_f32_bf16, float, BFloat16)
SVG_ADD_NORM(add_norm_bf16_f32, BFloat16, float)
SVG_ADD_NORM(add_norm_bf16_bf16, BFloat16, BFloat16)
#undef SVG_ADD_NORM

#define SVG_ROTATE(name, X, O)                                                                               \
  SVG_CLONES void name(const Rows& x, const HeadNorms& norms, float eps, const float* cos, const float* sin, \
                       const Rows& out, int64_t begin, int64_t end, int64_t heads, int64_t head_dim) {       \
    rotate_range<X, O>(x, norms, eps, cos, sin, out, begin, end, heads, head_dim);                           \
  }
SVG_ROTATE(rotate_f32_f32, float, float)
SVG_ROTATE(rotate_f32_bf16, float, BFloat16)
SVG_ROTATE(rotate_bf16_f32, BFloat16, float)
SVG_ROTATE(rotate_bf16_bf16, BFloat16, BFloat16)
#undef SVG_ROTATE

SVG_CLONES void swiglu_f32(const Rows& gate, const Rows& up, const Rows& out, int64_t begin, int64_t end, int64_t dim) {
  swiglu_range<float>(gate, up, out, begin, end, dim);
}
SVG_CLONES void swiglu_bf16(const Rows& gate, const Rows& up, const Rows& out, int64_t begin, int64_t end,
                            int64_t dim) {
  swiglu_range<BFloat16>(gate, up, out, begin, end, dim);
}

}  // namespace

void scaled_rms_norm(Rows x, const float* weight, const int32_t* group, float eps, Rows out, int64_t rows,
                     int64_t dim) {
  const auto run = choose(x.type, out.type, &norm_f32_f32, &norm_f32_bf16, &norm_bf16_f32, &norm_bf16_bf16);
  parallel_rows(rows, kGrain, [&](int64_t begin, int64_t end) { run(x, weight, group, eps, out, begin, end, dim); });
}

void add_scaled_rms_norm(Rows x, Rows y, const float* weight, const int32_t* group, float eps, Rows out, int64_t rows,
                         int64_t dim) {
  const auto run =
      choose(x.type, y.type, &add_norm_f32_f32, &add_norm_f32_bf16, &add_norm_bf16_f32, &add_norm_bf16_bf16);
  parallel_rows(rows, kGrain, [&](int64_t begin, int64_t end) { run(x, y, weight, group, eps, out, begin, end, dim); });
}

void residual_norm(Rows x, Rows y, const float* weight, const float* next, const int32_t* group, float eps,
                   float next_eps, Rows sum, Rows out, int64_t rows, int64_t dim) {
  // The very functions of the two steps: compiled as one loop they need not round alike, and a recomputed block must.
  const auto add =
      choose(x.type, y.type, &add_norm_f32_f32, &add_norm_f32_bf16, &add_norm_bf16_f32, &add_norm_bf16_bf16);
  const auto norm = choose(sum.type, out.type, &norm_f32_f32, &norm_f32_bf16, &norm_bf16_f32, &norm_bf16_bf16);
  parallel_rows(rows, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {  // row by row: the second finds its row in the cache
      add(x, y, weight, group, eps, sum, r, r + 1, dim);
      norm(sum, next, group, next_eps, out, r, r + 1, dim);
    }
  });
}

void norm_rotate_heads(Rows x, HeadNorms norms, float eps, const float* cos, const float* sin, Rows out, int64_t rows,
                       int64_t heads, int64_t head_dim) {
  const auto run = choose(x.type, out.type, &rotate_f32_f32, &rotate_f32_bf16, &rotate_bf16_f32, &rotate_bf16_bf16);
  parallel_rows(rows, kGrain,
                [&](int64_t begin, int64_t end) { run(x, norms, eps, cos, sin, out, begin, end, heads, head_dim); });
}

void swiglu(Rows gate, Rows up, Rows out, int64_t rows, int64_t dim) {
  const auto run = gate.type == Real::kFloat32 ? &swiglu_f32 : &swiglu_bf16;
  parallel_rows(rows, kGrain, [&](int64_t begin, int64_t end) { run(gate, up, out, begin, end, dim); });
}

}  // namespace svg::cpu
