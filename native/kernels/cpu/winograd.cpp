#include "kernels/winograd.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu.h"
#include "kernels/cpu/elements.h"

namespace svg::cpu {
namespace {

constexpr int64_t kTile = kWinogradTile, kPatch = kWinogradPatch, kPoints = kWinogradPoints, kLanes = kWinogradLanes;

// Sixteen channels at once: one register with AVX-512, two with AVX2.
typedef float Lanes __attribute__((vector_size(64)));
typedef float StoredLanes __attribute__((vector_size(64), aligned(4), may_alias));

SVG_INLINE const StoredLanes& lanes(const float* at) { return *reinterpret_cast<const StoredLanes*>(at); }
SVG_INLINE StoredLanes& lanes(float* at) { return *reinterpret_cast<StoredLanes*>(at); }

// The polynomials are evaluated at 0, A, -A, B, -B and infinity.
constexpr float A = 0.75f, B = 1.5f, A2 = A * A, B2 = B * B;

/// One dimension of the input's transform: six values, `step` apart.
SVG_INLINE void transform_pixels(const Lanes* x, int64_t step, Lanes* out) {
  const Lanes x0 = x[0], x1 = x[step], x2 = x[2 * step], x3 = x[3 * step], x4 = x[4 * step], x5 = x[5 * step];
  const Lanes even_a = x4 - B2 * x2, odd_a = A * (x3 - B2 * x1);
  const Lanes even_b = x4 - A2 * x2, odd_b = B * (x3 - A2 * x1);
  out[0] = (A2 * B2) * x0 - (A2 + B2) * x2 + x4;
  out[step] = even_a + odd_a;
  out[2 * step] = even_a - odd_a;
  out[3 * step] = even_b + odd_b;
  out[4 * step] = even_b - odd_b;
  out[5 * step] = (A2 * B2) * x1 - (A2 + B2) * x3 + x5;
}

/// One dimension of the weight's transform: three values to six.
SVG_INLINE void transform_weights(const Lanes* w, int64_t step, Lanes* out, int64_t out_step) {
  constexpr float at_a = 1 / (2 * A2 * (A2 - B2)), at_b = 1 / (2 * B2 * (B2 - A2));
  const Lanes even_a = at_a * w[0] + (at_a * A2) * w[2 * step], odd_a = (at_a * A) * w[step];
  const Lanes even_b = at_b * w[0] + (at_b * B2) * w[2 * step], odd_b = (at_b * B) * w[step];
  out[0] = (1 / (A2 * B2)) * w[0];
  out[out_step] = even_a + odd_a;
  out[2 * out_step] = even_a - odd_a;
  out[3 * out_step] = even_b + odd_b;
  out[4 * out_step] = even_b - odd_b;
  out[5 * out_step] = w[2 * step];
}

/// One dimension of the way back: six values to four.
SVG_INLINE void transform_products(const Lanes* m, int64_t step, Lanes* out, int64_t out_step) {
  const Lanes sum_a = m[step] + m[2 * step], difference_a = m[step] - m[2 * step];
  const Lanes sum_b = m[3 * step] + m[4 * step], difference_b = m[3 * step] - m[4 * step];
  out[0] = m[0] + sum_a + sum_b;
  out[out_step] = A * difference_a + B * difference_b;
  out[2 * out_step] = A2 * sum_a + B2 * sum_b;
  out[3 * out_step] = (A * A2) * difference_a + (B * B2) * difference_b + m[5 * step];
}

/// weight (out, in, 3, 3), of outputs begin .. begin + kLanes.
SVG_CLONES void weights_of_lanes(const float* weight, int64_t begin, int64_t in, int64_t out, float* transformed) {
  const int64_t taps = 9;
  for (int64_t i = 0; i < in; ++i) {
    Lanes kernel[9], half[18], whole[kPoints];
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const float* from = weight + ((begin + lane) * in + i) * taps;
      for (int64_t tap = 0; tap < taps; ++tap) kernel[tap][lane] = from[tap];
    }
    for (int64_t column = 0; column < 3; ++column) transform_weights(kernel + column, 3, half + column, 3);
    for (int64_t row = 0; row < kPatch; ++row) transform_weights(half + 3 * row, 1, whole + kPatch * row, 1);
    for (int64_t point = 0; point < kPoints; ++point)
      lanes(transformed + (point * in + i) * out + begin) = whole[point];
  }
}

/// The pixels under a block and one around it, normed where that is asked for: (rows, columns, channels).
SVG_CLONES void gather(const WinogradImage& image, const WinogradBlock& block, float* pixels) {
  const int64_t channels = image.channels, half = image.doubled ? 1 : 0;
  const int64_t rows = kTile * block.rows + 2, columns = kTile * block.columns + 2;
  const float *mean = image.mean, *scale = image.scale, *bias = image.bias;
  const auto bytes = static_cast<size_t>(channels) * sizeof(float);
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t y = kTile * block.row + r - 1;
    for (int64_t c = 0; c < columns; ++c) {
      const int64_t x = kTile * block.column + c - 1;
      float* out = pixels + (r * columns + c) * channels;
      if (y < 0 || y >= image.height() || x < 0 || x >= image.width()) {
        std::memset(out, 0, bytes);
        continue;
      }
      const float* in = image.pixels + ((y >> half) * image.columns + (x >> half)) * channels;
      if (!mean) {
        std::memcpy(out, in, bytes);
        continue;
      }
#pragma omp simd
      for (int64_t k = 0; k < channels; ++k) {
        const float value = (in[k] - mean[k]) * scale[k] + bias[k];
        out[k] = value / (1.0f + fast_exp(-value));
      }
    }
  }
}

SVG_CLONES void input_of_pixels(const float* pixels, const WinogradBlock& block, int64_t channels, float* transformed) {
  const int64_t line = (kTile * block.columns + 2) * channels, plane = block.tiles() * channels;
  for (int64_t tile = 0; tile < block.tiles(); ++tile) {
    const float* from = pixels + tile / block.columns * kTile * line + tile % block.columns * kTile * channels;
    float* to = transformed + tile * channels;
    for (int64_t k = 0; k < channels; k += kLanes) {
      Lanes patch[kPoints];
      for (int64_t row = 0; row < kPatch; ++row) {
        for (int64_t column = 0; column < kPatch; ++column) {
          patch[kPatch * row + column] = lanes(from + row * line + column * channels + k);
        }
      }
      for (int64_t column = 0; column < kPatch; ++column) transform_pixels(patch + column, kPatch, patch + column);
      for (int64_t row = 0; row < kPatch; ++row) transform_pixels(patch + kPatch * row, 1, patch + kPatch * row);
      for (int64_t point = 0; point < kPoints; ++point) lanes(to + point * plane + k) = patch[point];
    }
  }
}

SVG_CLONES void output_of_products(const float* products, const WinogradBlock& block, const WinogradOutput& output) {
  const int64_t channels = output.channels, plane = block.tiles() * channels;
  for (int64_t tile = 0; tile < block.tiles(); ++tile) {
    const int64_t y = kTile * (block.row + tile / block.columns), x = kTile * (block.column + tile % block.columns);
    const int64_t rows = std::min(kTile, output.height - y), columns = std::min(kTile, output.width - x);
    for (int64_t k = 0; k < channels; k += kLanes) {
      Lanes product[kPoints], half[kTile * kPatch], pixel[kTile * kTile];
      for (int64_t point = 0; point < kPoints; ++point) {
        product[point] = lanes(products + point * plane + tile * channels + k);
      }
      for (int64_t column = 0; column < kPatch; ++column) {
        transform_products(product + column, kPatch, half + column, kPatch);
      }
      for (int64_t row = 0; row < kTile; ++row) transform_products(half + kPatch * row, 1, pixel + kTile * row, 1);
      const Lanes bias = lanes(output.bias + k);
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t column = 0; column < columns; ++column) {
          const int64_t at = ((y + row) * output.width + x + column) * channels + k;
          Lanes sum = pixel[kTile * row + column] + bias;
          if (output.residual) sum = lanes(output.residual + at) + sum;
          lanes(output.pixels + at) = sum;
        }
      }
    }
  }
}

}  // namespace

void winograd_weights(const float* weight, int64_t in, int64_t out, float* transformed) {
  parallel_rows(out / kLanes, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) weights_of_lanes(weight, i * kLanes, in, out, transformed);
  });
}

void winograd_input(const WinogradImage& image, const WinogradBlock& block, float* pixels, float* transformed) {
  gather(image, block, pixels);
  input_of_pixels(pixels, block, image.channels, transformed);
}

void winograd_output(const float* products, const WinogradBlock& block, const WinogradOutput& output) {
  output_of_products(products, block, output);
}

}  // namespace svg::cpu
