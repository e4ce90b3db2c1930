// Loads and stores of fp32 and bf16 as fp32, written so that the compiler turns the loops into vectors.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/rows.h"

// One clone per instruction set, chosen when the library is loaded. Sanitizers run before the choice can be made.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define SVG_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SVG_CLONES
#endif
#define SVG_INLINE inline __attribute__((always_inline))

namespace svg::cpu {

struct BFloat16 {
  uint16_t bits;
};

SVG_INLINE float load(const float* x, int64_t i) { return x[i]; }

SVG_INLINE float load(const BFloat16* x, int64_t i) {
  const uint32_t bits = static_cast<uint32_t>(x[i].bits) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

SVG_INLINE void store(float* x, int64_t i, float value) { x[i] = value; }

// Rounds to nearest, ties to even; a NaN stays one.
SVG_INLINE void store(BFloat16* x, int64_t i, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  x[i].bits = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

/// e^x to about 2 ulp without a library call: 2^n times a polynomial on [-ln2/2, ln2/2].
SVG_INLINE float fast_exp(float x) {
  x = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
  const float shifted = x * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: the sum's low bits are round(x / ln2)
  const float n = shifted - 12582912.0f;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return p * power;
}

template <typename T>
SVG_INLINE T* row(const Rows& rows, int64_t r) {
  return static_cast<T*>(rows.data) + r * rows.stride;
}

template <typename T>
SVG_INLINE float inverse_rms(const T* x, int64_t dim, float eps) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < dim; ++i) sum += load(x, i) * load(x, i);
  return 1.0f / std::sqrt(sum / static_cast<float>(dim) + eps);
}

/// Picks one of four functions by two types.
template <typename Function>
Function choose(Real first, Real second, Function ff, Function fb, Function bf, Function bb) {
  if (first == Real::kFloat32) return second == Real::kFloat32 ? ff : fb;
  return second == Real::kFloat32 ? bf : bb;
}

constexpr int64_t kGrain = 16;  // rows: a few tens of kilobytes of work

}  // namespace svg::cpu
