#include "kernels/int8.h"

#include <limits>
#include <vector>

#include "kernels/cpu.h"
#include "kernels/cpu/elements.h"

namespace svg::cpu {
namespace {

// 1.5 * 2^23 + 128: added to a number of [-127, 127], its lowest byte is the nearest whole number plus 128.
constexpr float kToByte = 12582912.0f + 128.0f;
constexpr float kLargest = 127.0f;

/// Writes one row of fp32 as bytes; returns its scale.
SVG_INLINE float to_bytes(const float* x, uint8_t* out, int64_t dim) {
  float largest = 0, wrong = 0;
#pragma omp simd reduction(max : largest) reduction(+ : wrong)
  for (int64_t i = 0; i < dim; ++i) {
    const float size = std::fabs(x[i]);
    largest = size > largest ? size : largest;
    wrong += x[i] - x[i];  // NaN where x is not finite
  }
  // A row so small is zeros: what it is divided by would be infinite.
  const bool zeros = largest < kLargest * std::numeric_limits<float>::min();
  const float inverse = zeros ? 0.0f : kLargest / largest;
#pragma omp simd
  for (int64_t i = 0; i < dim; ++i) {
    const float shifted = x[i] * inverse + kToByte;
    uint32_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    out[i] = static_cast<uint8_t>(bits);
  }
  return (zeros ? 0.0f : largest / kLargest) + wrong;
}

template <typename X>
SVG_INLINE void quantise_range(const Rows& x, const ByteRows& out, float* buffer, int64_t begin, int64_t end,
                               int64_t dim) {
  for (int64_t r = begin; r < end; ++r) {
    const X* in = row<const X>(x, r);
#pragma omp simd
    for (int64_t i = 0; i < dim; ++i) buffer[i] = load(in, i);
    out.scale[r] = to_bytes(buffer, out.values + r * dim, dim);
  }
}

template <typename X>
SVG_INLINE void norm_range(const Rows& x, const float* weight, const int32_t* group, float eps, const ByteRows& out,
                           float* buffer, int64_t begin, int64_t end, int64_t dim) {
  for (int64_t r = begin; r < end; ++r) {
    const X* in = row<const X>(x, r);
    const float* w = weight + (group ? group[r] * dim : 0);
    const float scale = inverse_rms(in, dim, eps);
#pragma omp simd
    for (int64_t i = 0; i < dim; ++i) buffer[i] = load(in, i) * scale * w[i];
    out.scale[r] = to_bytes(buffer, out.values + r * dim, dim);
  }
}

SVG_INLINE float silu(float x) { return x / (1.0f + fast_exp(-x)); }

// x/2 (1 + tanh(y)) = x / (1 + e^-2y), y = sqrt(2/pi) (x + 0.044715 x^3)
SVG_INLINE float gelu(float x) { return x / (1.0f + fast_exp(-1.595769122f * (x + 0.044715f * x * x * x))); }

template <float (*Activate)(float)>
SVG_INLINE void gated_range(const Rows& gate, const Rows& up, const float* scale, const ByteRows& out, float* buffer,
                            int64_t begin, int64_t end, int64_t dim) {
  for (int64_t r = begin; r < end; ++r) {
    const float* g = row<const float>(gate, r);
    const float* u = row<const float>(up, r);
    const float s = scale[r];
#pragma omp simd
    for (int64_t i = 0; i < dim; ++i) buffer[i] = Activate(g[i] * s) * (u[i] * s);
    out.scale[r] = to_bytes(buffer, out.values + r * dim, dim);
  }
}

// target_clones takes no templates.
SVG_CLONES void quantise_f32(const Rows& x, const ByteRows& out, float* buffer, int64_t begin, int64_t end,
                             int64_t dim) {
  quantise_range<float>(x, out, buffer, begin, end, dim);
}
SVG_CLONES void quantise_bf16(const Rows& x, const ByteRows& out, float* buffer, int64_t begin, int64_t end,
                              int64_t dim) {
  quantise_range<BFloat16>(x, out, buffer, begin, end, dim);
}
SVG_CLONES void norm_f32(const Rows& x, const float* weight, const int32_t* group, float eps, const ByteRows& out,
                         float* buffer, int64_t begin, int64_t end, int64_t dim) {
  norm_range<float>(x, weight, group, eps, out, buffer, begin, end, dim);
}
SVG_CLONES void norm_bf16(const Rows& x, const float* weight, const int32_t* group, float eps, const ByteRows& out,
                          float* buffer, int64_t begin, int64_t end, int64_t dim) {
  norm_range<BFloat16>(x, weight, group, eps, out, buffer, begin, end, dim);
}
SVG_CLONES void swiglu_rows(const Rows& gate, const Rows& up, const float* scale, const ByteRows& out, float* buffer,
                            int64_t begin, int64_t end, int64_t dim) {
  gated_range<silu>(gate, up, scale, out, buffer, begin, end, dim);
}
SVG_CLONES void geglu_rows(const Rows& gate, const Rows& up, const float* scale, const ByteRows& out, float* buffer,
                           int64_t begin, int64_t end, int64_t dim) {
  gated_range<gelu>(gate, up, scale, out, buffer, begin, end, dim);
}

SVG_CLONES void scale_range(const Rows& x, const float* scale, const float* bias, int64_t begin, int64_t end,
                            int64_t dim) {
  for (int64_t r = begin; r < end; ++r) {
    float* out = row<float>(x, r);
    const float s = scale[r];
    if (bias) {
#pragma omp simd
      for (int64_t i = 0; i < dim; ++i) out[i] = out[i] * s + bias[i];
    } else {
#pragma omp simd
      for (int64_t i = 0; i < dim; ++i) out[i] *= s;
    }
  }
}

/// Calls body(buffer, begin, end) on parts of the rows, each with room for one row of its own.
template <typename Body>
void buffered_rows(int64_t rows, int64_t dim, const Body& body) {
  parallel_rows(rows, kGrain, [&](int64_t begin, int64_t end) {
    std::vector<float> buffer(static_cast<size_t>(dim));
    body(buffer.data(), begin, end);
  });
}

}  // namespace

void quantise_rows(Rows x, ByteRows out, int64_t rows, int64_t dim) {
  const auto run = x.type == Real::kFloat32 ? &quantise_f32 : &quantise_bf16;
  buffered_rows(rows, dim, [&](float* buffer, int64_t begin, int64_t end) { run(x, out, buffer, begin, end, dim); });
}

void quantised_rms_norm(Rows x, const float* weight, const int32_t* group, float eps, ByteRows out, int64_t rows,
                        int64_t dim) {
  const auto run = x.type == Real::kFloat32 ? &norm_f32 : &norm_bf16;
  buffered_rows(rows, dim, [&](float* buffer, int64_t begin, int64_t end) {
    run(x, weight, group, eps, out, buffer, begin, end, dim);
  });
}

void quantised_swiglu(Rows gate, Rows up, const float* scale, ByteRows out, int64_t rows, int64_t dim) {
  buffered_rows(rows, dim, [&](float* buffer, int64_t begin, int64_t end) {
    swiglu_rows(gate, up, scale, out, buffer, begin, end, dim);
  });
}

void quantised_geglu(Rows gate, Rows up, const float* scale, ByteRows out, int64_t rows, int64_t dim) {
  buffered_rows(rows, dim, [&](float* buffer, int64_t begin, int64_t end) {
    geglu_rows(gate, up, scale, out, buffer, begin, end, dim);
  });
}

void scale_rows(Rows x, const float* scale, const float* bias, int64_t rows, int64_t dim) {
  parallel_rows(rows, kGrain, [&](int64_t begin, int64_t end) { scale_range(x, scale, bias, begin, end, dim); });
}

}  // namespace svg::cpu
