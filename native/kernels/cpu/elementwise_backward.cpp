#include "kernels/cpu.h"
#include "kernels/cpu/elements.h"

namespace svg::cpu {
namespace {

// y = x s w with s = 1 / rms(x): dw = dy x s, dx = s (dy w - x s^2 mean(dy w x)).
template <typename X, typename O>
SVG_INLINE void norm_backward_range(const Rows& x, const float* weight, const int32_t* group, float eps,
                                    const Rows& dout, const Rows& dx, float* dweight, int64_t begin, int64_t end,
                                    int64_t dim) {
  const float mean = 1.0f / static_cast<float>(dim);
  for (int64_t r = begin; r < end; ++r) {
    const X* in = row<const X>(x, r);
    const O* d = row<const O>(dout, r);
    X* o = row<X>(dx, r);
    const int64_t offset = group ? group[r] * dim : 0;
    const float* w = weight + offset;
    float* dw = dweight + offset;
    float squares = 0, dot = 0;
#pragma omp simd reduction(+ : squares, dot)
    for (int64_t i = 0; i < dim; ++i) {
      const float value = load(in, i);
      squares += value * value;
      dot += value * load(d, i) * w[i];
    }
    const float scale = 1.0f / std::sqrt(squares * mean + eps);
    const float pull = dot * mean * scale * scale;
#pragma omp simd
    for (int64_t i = 0; i < dim; ++i) {
      const float value = load(in, i);
      const float slope = load(d, i);
      dw[i] += slope * value * scale;
      store(o, i, scale * (slope * w[i] - value * pull));
    }
  }
}

template <typename X, typename O>
SVG_INLINE void rotate_backward_range(const Rows& x, const float* weight, float eps, const float* cos, const float* sin,
                                      const Rows& dout, const Rows& dx, float* dweight, int64_t begin, int64_t end,
                                      int64_t heads, int64_t head_dim) {
  const int64_t pairs = head_dim / 2;
  const float mean = 1.0f / static_cast<float>(head_dim);
  float back[kMaxHeadDim];  // the gradient before the rotation
  for (int64_t r = begin; r < end; ++r) {
    const float* c = cos + r * pairs;
    const float* s = sin + r * pairs;
    for (int64_t h = 0; h < heads; ++h) {
      const X* in = row<const X>(x, r) + h * head_dim;
      const O* d = row<const O>(dout, r) + h * head_dim;
      X* o = row<X>(dx, r) + h * head_dim;
#pragma omp simd
      for (int64_t i = 0; i < pairs; ++i) {
        const float even = load(d, 2 * i);
        const float odd = load(d, 2 * i + 1);
        back[2 * i] = even * c[i] + odd * s[i];
        back[2 * i + 1] = odd * c[i] - even * s[i];
      }
      if (!weight) {
#pragma omp simd
        for (int64_t i = 0; i < head_dim; ++i) store(o, i, back[i]);
        continue;
      }
      float squares = 0, dot = 0;
#pragma omp simd reduction(+ : squares, dot)
      for (int64_t i = 0; i < head_dim; ++i) {
        const float value = load(in, i);
        squares += value * value;
        dot += value * back[i] * weight[i];
      }
      const float scale = 1.0f / std::sqrt(squares * mean + eps);
      const float pull = dot * mean * scale * scale;
#pragma omp simd
      for (int64_t i = 0; i < head_dim; ++i) {
        const float value = load(in, i);
        dweight[i] += back[i] * value * scale;
        store(o, i, scale * (back[i] * weight[i] - value * pull));
      }
    }
  }
}

template <typename T>
SVG_INLINE void swiglu_backward_range(const Rows& gate, const Rows& up, const Rows& dout, const Rows& dgate,
                                      const Rows& dup, int64_t begin, int64_t end, int64_t dim) {
  for (int64_t r = begin; r < end; ++r) {
    const T* g = row<const T>(gate, r);
    const T* u = row<const T>(up, r);
    const T* d = row<const T>(dout, r);
    T* dg = row<T>(dgate, r);
    T* du = row<T>(dup, r);
#pragma omp simd
    for (int64_t i = 0; i < dim; ++i) {
      const float value = load(g, i);
      const float slope = load(d, i);
      const float sigmoid = 1.0f / (1.0f + fast_exp(-value));
      store(du, i, slope * value * sigmoid);
      store(dg, i, slope * load(u, i) * sigmoid * (1.0f + value * (1.0f - sigmoid)));
    }
  }
}

// target_clones takes no templates: one named function per pair of types.
#define SVG_NORM_BACKWARD(name, X, O)                                                                         \
  SVG_CLONES void name(const Rows& x, const float* weight, const int32_t* group, float eps, const Rows& dout, \
                       const Rows& dx, float* dweight, int64_t begin, int64_t end, int64_t dim) {             \
    norm_backward_range<X, O>(x, weight, group, eps, dout, dx, dweight, begin, end, dim);                     \
  }
SVG_NORM_BACKWARD(norm_f32_f32, float, float)
SVG_NORM_BACKWARD(norm_f32_bf16, float, BFloat16)
SVG_NORM_BACKWARD(norm_bf16_f32, BFloat16, float)
SVG_NORM_BACKWARD(norm_bf16_bf16, BFloat16, BFloat16)
#undef SVG_NORM_BACKWARD

#define SVG_ROTATE_BACKWARD(name, X, O)                                                                             \
  SVG_CLONES void name(const Rows& x, const float* weight, float eps, const float* cos, const float* sin,           \
                       const Rows& dout, const Rows& dx, float* dweight, int64_t begin, int64_t end, int64_t heads, \
                       int64_t head_dim) {                                                                          \
    rotate_backward_range<X, O>(x, weight, eps, cos, sin, dout, dx, dweight, begin, end, heads, head_dim);          \
  }
SVG_ROTATE_BACKWARD(rotate_f32_f32, float, float)
SVG_ROTATE_BACKWARD(rotate_f32_bf16, float, BFloat16)
SVG_ROTATE_BACKWARD(rotate_bf16_f32, BFloat16, float)
SVG_ROTATE_BACKWARD(rotate_bf16_bf16, BFloat16, BFloat16)
#undef SVG_ROTATE_BACKWARD

SVG_CLONES void swiglu_f32(const Rows& gate, const Rows& up, const Rows& dout, const Rows& dgate, const Rows& dup,
                           int64_t begin, int64_t end, int64_t dim) {
  swiglu_backward_range<float>(gate, up, dout, dgate, dup, begin, end, dim);
}
SVG_CLONES void swiglu_bf16(const Rows& gate, const Rows& up, const Rows& dout, const Rows& dgate, const Rows& dup,
                            int64_t begin, int64_t end, int64_t dim) {
  swiglu_backward_range<BFloat16>(gate, up, dout, dgate, dup, begin, end, dim);
}

/// body(slice, begin, end): each slice of the rows on one thread.
template <typename Body>
void parallel_slices(int64_t rows, int64_t slices, const Body& body) {
  parallel_rows(slices, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) body(i, rows * i / slices, rows * (i + 1) / slices);
  });
}

}  // namespace

void scaled_rms_norm_backward(Rows x, const float* weight, const int32_t* group, float eps, Rows dout, Rows dx,
                              float* dweight, int64_t slices, int64_t groups, int64_t rows, int64_t dim) {
  const auto run = choose(x.type, dout.type, &norm_f32_f32, &norm_f32_bf16, &norm_bf16_f32, &norm_bf16_bf16);
  parallel_slices(rows, slices, [&](int64_t slice, int64_t begin, int64_t end) {
    run(x, weight, group, eps, dout, dx, dweight + slice * groups * dim, begin, end, dim);
  });
}

void norm_rotate_heads_backward(Rows x, const float* weight, float eps, const float* cos, const float* sin, Rows dout,
                                Rows dx, float* dweight, int64_t slices, int64_t rows, int64_t heads,
                                int64_t head_dim) {
  const auto run = choose(x.type, dout.type, &rotate_f32_f32, &rotate_f32_bf16, &rotate_bf16_f32, &rotate_bf16_bf16);
  parallel_slices(rows, slices, [&](int64_t slice, int64_t begin, int64_t end) {
    run(x, weight, eps, cos, sin, dout, dx, dweight ? dweight + slice * head_dim : nullptr, begin, end, heads,
        head_dim);
  });
}

void swiglu_backward(Rows gate, Rows up, Rows dout, Rows dgate, Rows dup, int64_t rows, int64_t dim) {
  const auto run = gate.type == Real::kFloat32 ? &swiglu_f32 : &swiglu_bf16;
  parallel_rows(rows, kGrain, [&](int64_t begin, int64_t end) { run(gate, up, dout, dgate, dup, begin, end, dim); });
}

}  // namespace svg::cpu
