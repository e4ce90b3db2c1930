#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu.h"
#include "kernels/cpu/elements.h"

namespace svg::cpu {
namespace {

constexpr int64_t kBlock = 256;  // pixels that are summed in fp32; the sums of blocks are added in fp64

/// Per channel, of pixels begin .. end: sums of x - shift and of its square.
template <typename T>
SVG_INLINE void moments_of_block(const Rows& x, const float* shift, int64_t begin, int64_t end, int64_t channels,
                                 float* sum, float* square) {
  std::fill(sum, sum + channels, 0.0f);
  std::fill(square, square + channels, 0.0f);
  for (int64_t r = begin; r < end; ++r) {
    const T* in = static_cast<const T*>(x.data) + r * x.stride;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) {
      const float value = load(in, c) - shift[c];
      sum[c] += value;
      square[c] += value * value;
    }
  }
}

/// What the norm does to each channel: (x - mean) * scale + bias. Never x * scale + offset: where a group hardly
/// varies, scale is large and the digits would be lost.
struct Affine {
  const float *mean, *scale, *bias;
};

/// out = silu(affine(x))
template <typename T>
SVG_INLINE void scale_silu_range(const Rows& x, const Affine& affine, const Rows& out, int64_t begin, int64_t end,
                                 int64_t channels) {
  const float *mean = affine.mean, *scale = affine.scale, *bias = affine.bias;
  for (int64_t r = begin; r < end; ++r) {
    const T* in = static_cast<const T*>(x.data) + r * x.stride;
    T* o = static_cast<T*>(out.data) + r * out.stride;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) {
      const float value = (load(in, c) - mean[c]) * scale[c] + bias[c];
      store(o, c, value / (1.0f + fast_exp(-value)));
    }
  }
}

/// Derivative of silu at n, times the gradient of what it gave.
SVG_INLINE float through_silu(float n, float grad) {
  const float s = 1.0f / (1.0f + fast_exp(-n));
  return grad * s * (1.0f + n * (1.0f - s));
}

/// Per channel, of pixels begin .. end: sums of the gradient before silu, and of it times x - mean.
template <typename T>
SVG_INLINE void gradient_sums_of_block(const Rows& x, const Rows& grad, const Affine& affine, int64_t begin,
                                       int64_t end, int64_t channels, float* sum, float* product) {
  const float *mean = affine.mean, *scale = affine.scale, *bias = affine.bias;
  std::fill(sum, sum + channels, 0.0f);
  std::fill(product, product + channels, 0.0f);
  for (int64_t r = begin; r < end; ++r) {
    const T* in = static_cast<const T*>(x.data) + r * x.stride;
    const T* g = static_cast<const T*>(grad.data) + r * grad.stride;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) {
      const float centred = load(in, c) - mean[c];
      const float inner = through_silu(centred * scale[c] + bias[c], load(g, c));
      sum[c] += inner;
      product[c] += inner * centred;
    }
  }
}

/// grad_x = inner * scale + (x - mean) * slope + shift, where inner is the gradient before silu.
template <typename T>
SVG_INLINE void gradient_range(const Rows& x, const Rows& grad, const Affine& affine, const float* slope,
                               const float* shift, const Rows& grad_x, int64_t begin, int64_t end, int64_t channels) {
  const float *mean = affine.mean, *scale = affine.scale, *bias = affine.bias;
  for (int64_t r = begin; r < end; ++r) {
    const T* in = static_cast<const T*>(x.data) + r * x.stride;
    const T* g = static_cast<const T*>(grad.data) + r * grad.stride;
    T* o = static_cast<T*>(grad_x.data) + r * grad_x.stride;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) {
      const float centred = load(in, c) - mean[c];
      const float inner = through_silu(centred * scale[c] + bias[c], load(g, c));
      store(o, c, inner * scale[c] + centred * slope[c] + shift[c]);
    }
  }
}

// target_clones takes no templates: one named function per type.
#define SVG_GROUP_NORM(suffix, T)                                                                                   \
  SVG_CLONES void moments_##suffix(const Rows& x, const float* shift, int64_t begin, int64_t end, int64_t channels, \
                                   float* sum, float* square) {                                                     \
    moments_of_block<T>(x, shift, begin, end, channels, sum, square);                                               \
  }                                                                                                                 \
  SVG_CLONES void scale_silu_##suffix(const Rows& x, const Affine& affine, const Rows& out, int64_t begin,          \
                                      int64_t end, int64_t channels) {                                              \
    scale_silu_range<T>(x, affine, out, begin, end, channels);                                                      \
  }                                                                                                                 \
  SVG_CLONES void gradient_sums_##suffix(const Rows& x, const Rows& grad, const Affine& affine, int64_t begin,      \
                                         int64_t end, int64_t channels, float* sum, float* product) {               \
    gradient_sums_of_block<T>(x, grad, affine, begin, end, channels, sum, product);                                 \
  }                                                                                                                 \
  SVG_CLONES void gradient_##suffix(const Rows& x, const Rows& grad, const Affine& affine, const float* slope,      \
                                    const float* shift, const Rows& grad_x, int64_t begin, int64_t end,             \
                                    int64_t channels) {                                                             \
    gradient_range<T>(x, grad, affine, slope, shift, grad_x, begin, end, channels);                                 \
  }
SVG_GROUP_NORM(f32, float)
SVG_GROUP_NORM(bf16, BFloat16)
#undef SVG_GROUP_NORM

/// Two sums per channel over all pixels; `block` gives those of some.
template <typename Block>
std::vector<double> sums_over_pixels(int64_t pixels, int64_t channels, const Block& block) {
  const int64_t blocks = (pixels + kBlock - 1) / kBlock;
  std::vector<float> sums(static_cast<size_t>(2 * blocks * channels));
  parallel_rows(blocks, 4, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      float* first = sums.data() + 2 * b * channels;
      block(b * kBlock, std::min(pixels, (b + 1) * kBlock), first, first + channels);
    }
  });
  std::vector<double> total(static_cast<size_t>(2 * channels));
  for (size_t i = 0; i < sums.size(); ++i) total[i % total.size()] += sums[i];
  return total;
}

std::vector<float> first_pixel(const Rows& x, int64_t channels) {
  std::vector<float> values;
  for (int64_t c = 0; c < channels; ++c) {
    values.push_back(x.type == Real::kFloat32 ? load(static_cast<const float*>(x.data), c)
                                              : load(static_cast<const BFloat16*>(x.data), c));
  }
  return values;
}

struct Channels {
  std::vector<float> mean, scale;
  const float* bias;

  Channels(const GroupNormRows& norm, const float* statistics, int64_t channels) : bias(norm.bias) {
    const int64_t width = channels / norm.groups;
    for (int64_t c = 0; c < channels; ++c) {
      mean.push_back(statistics[2 * (c / width)]);
      scale.push_back(statistics[2 * (c / width) + 1] * norm.weight[c]);
    }
  }

  Affine affine() const { return {mean.data(), scale.data(), bias}; }
};

/// Mean and 1 / deviation of every group. Summed around the first pixel, so that a mean far from zero costs no digits.
void group_statistics(const Rows& x, const GroupNormRows& norm, int64_t pixels, int64_t channels, float* statistics) {
  const std::vector<float> shift = first_pixel(x, channels);
  const auto moments = x.type == Real::kFloat32 ? moments_f32 : moments_bf16;
  const std::vector<double> sums =
      sums_over_pixels(pixels, channels, [&](int64_t begin, int64_t end, float* sum, float* square) {
        moments(x, shift.data(), begin, end, channels, sum, square);
      });
  const int64_t width = channels / norm.groups;
  const double count = static_cast<double>(pixels);
  for (int64_t g = 0; g < norm.groups; ++g) {
    const auto first = static_cast<size_t>(g * width), last = static_cast<size_t>((g + 1) * width);
    double mean = 0, variance = 0;
    for (size_t c = first; c < last; ++c) mean += (sums[c] / count + shift[c]) / static_cast<double>(width);
    for (size_t c = first; c < last; ++c) {
      const double shifted = sums[c] / count, distance = shifted + shift[c] - mean;
      const double spread = sums[c + static_cast<size_t>(channels)] / count - shifted * shifted;
      variance += (std::max(spread, 0.0) + distance * distance) / static_cast<double>(width);
    }
    statistics[2 * g] = static_cast<float>(mean);
    statistics[2 * g + 1] = static_cast<float>(1.0 / std::sqrt(variance + norm.eps));
  }
}

}  // namespace

void group_norm_silu(Rows x, const GroupNormRows& norm, Rows out, float* statistics, int64_t pixels, int64_t channels) {
  group_statistics(x, norm, pixels, channels, statistics);
  const Channels values(norm, statistics, channels);
  const auto run = x.type == Real::kFloat32 ? scale_silu_f32 : scale_silu_bf16;
  parallel_rows(pixels, 64, [&](int64_t begin, int64_t end) { run(x, values.affine(), out, begin, end, channels); });
}

void group_norm_of_channels(Rows x, const GroupNormRows& norm, float* mean, float* scale, int64_t pixels,
                            int64_t channels) {
  std::vector<float> statistics(static_cast<size_t>(2 * norm.groups));
  group_statistics(x, norm, pixels, channels, statistics.data());
  const Channels values(norm, statistics.data(), channels);
  std::copy(values.mean.begin(), values.mean.end(), mean);
  std::copy(values.scale.begin(), values.scale.end(), scale);
}

void group_norm_silu_backward(Rows x, Rows grad, const GroupNormRows& norm, const float* statistics, Rows grad_x,
                              float* grad_weight, float* grad_bias, int64_t pixels, int64_t channels) {
  const Channels values(norm, statistics, channels);
  const bool wide = x.type == Real::kFloat32;
  const auto sums_of = wide ? gradient_sums_f32 : gradient_sums_bf16;
  const std::vector<double> sums =
      sums_over_pixels(pixels, channels, [&](int64_t begin, int64_t end, float* sum, float* product) {
        sums_of(x, grad, values.affine(), begin, end, channels, sum, product);
      });

  // With y = (x - mean) * inverse and g the gradient by y: grad_x = inverse * (g - mean(g) - y * mean(g * y)).
  const int64_t width = channels / norm.groups;
  std::vector<float> slope, shift;
  for (int64_t group = 0; group < norm.groups; ++group) {
    const double inverse = statistics[2 * group + 1];
    double g = 0, gy = 0;
    for (int64_t c = group * width; c < (group + 1) * width; ++c) {
      const double sum = sums[static_cast<size_t>(c)], product = sums[static_cast<size_t>(c + channels)] * inverse;
      grad_bias[c] += static_cast<float>(sum);
      grad_weight[c] += static_cast<float>(product);
      g += sum * norm.weight[c];
      gy += product * norm.weight[c];
    }
    const double count = static_cast<double>(pixels * width);
    slope.insert(slope.end(), static_cast<size_t>(width), static_cast<float>(-inverse * inverse * gy / count));
    shift.insert(shift.end(), static_cast<size_t>(width), static_cast<float>(-inverse * g / count));
  }
  const auto run = wide ? gradient_f32 : gradient_bf16;
  parallel_rows(pixels, 64, [&](int64_t begin, int64_t end) {
    run(x, grad, values.affine(), slope.data(), shift.data(), grad_x, begin, end, channels);
  });
}

}  // namespace svg::cpu
