// The window is separable: along rows first, into a ring of eleven of them, then down the columns. Channels lie side by
// side, so that all loops run over whole rows.
#include "metrics/similarity_windows.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/cancel.h"
#include "kernels/cpu.h"
#include "kernels/cpu/elements.h"

namespace svg {
namespace {

constexpr int64_t kChannels = 3;
constexpr int64_t kTaps = kSimilarityWindow;
constexpr int64_t kMaps = 4;        // means of a, b, a^2 + b^2 and a b: the two variances are only met added
constexpr int64_t kRowsABand = 64;  // of results: what one thread does at a time
constexpr double kC1 = (0.01 * 255) * (0.01 * 255);
constexpr double kC2 = (0.03 * 255) * (0.03 * 255);

std::array<double, kTaps> gaussian_window() {
  std::array<double, kTaps> window;
  double sum = 0;
  for (int64_t i = 0; i < kTaps; ++i) {
    const auto x = static_cast<double>(i - kTaps / 2);
    sum += window[static_cast<size_t>(i)] = std::exp(-x * x / (2 * 1.5 * 1.5));
  }
  for (double& weight : window) weight /= sum;
  return window;
}

struct Band {
  int64_t begin, end;  // rows of results
  int64_t width;       // of the pictures, in values: pixels x channels
  double* values;      // kMaps rows of that width
  double* ring;        // kTaps x kMaps rows of results
  double* similarity;  // a row of results
  double* contrast;
  double* sums;  // of each row of results: three of similarity, three of contrast
};

// Written out tap by tap: of a loop within a loop the compiler makes vectors along the taps.
using Taps = std::make_index_sequence<kTaps>;

template <size_t... I>
SVG_INLINE double along_row(const double* window, const double* in, std::index_sequence<I...>) {
  return ((window[I] * in[kChannels * I]) + ...);
}

template <size_t... I>
SVG_INLINE double down_rows(const double* window, const double* const* rows, int64_t i, std::index_sequence<I...>) {
  return ((window[I] * rows[I][i]) + ...);
}

template <typename T>
SVG_INLINE void filter_row(const T* __restrict a, const T* __restrict b, const double* __restrict window,
                           double* __restrict values, double* __restrict out, int64_t width) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    const auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    values[i] = x;
    values[width + i] = y;
    values[2 * width + i] = x * x + y * y;
    values[3 * width + i] = x * y;
  }
  const int64_t results = width - kChannels * (kTaps - 1);
  for (int64_t map = 0; map < kMaps; ++map) {
    const double* in = values + map * width;
    double* filtered = out + map * results;
#pragma omp simd
    for (int64_t i = 0; i < results; ++i) {
      filtered[i] = along_row(window, in + i, Taps());
    }
  }
}

SVG_INLINE void join_rows(const double* const* __restrict rows, const double* __restrict window,
                          double* __restrict similarity, double* __restrict contrast, int64_t results) {
#pragma omp simd
  for (int64_t i = 0; i < results; ++i) {
    const double x = down_rows(window, rows, i, Taps());
    const double y = down_rows(window, rows, results + i, Taps());
    const double squares = down_rows(window, rows, 2 * results + i, Taps());
    const double product = down_rows(window, rows, 3 * results + i, Taps());
    const double variances = std::max(0.0, squares - x * x - y * y);
    const double structure = (2 * (product - x * y) + kC2) / (variances + kC2);
    contrast[i] = structure;
    similarity[i] = structure * (2 * x * y + kC1) / (x * x + y * y + kC1);
  }
}

template <typename T>
SVG_INLINE void similarity_of_band(const T* a, const T* b, const double* window, const Band& band) {
  const int64_t results = band.width - kChannels * (kTaps - 1);
  for (int64_t row = band.begin; row < band.end + kTaps - 1; ++row) {
    filter_row(a + row * band.width, b + row * band.width, window, band.values,
               band.ring + row % kTaps * kMaps * results, band.width);
    const int64_t result = row - (kTaps - 1);
    if (result < band.begin) continue;
    const double* rows[kTaps];
    for (int64_t tap = 0; tap < kTaps; ++tap) rows[tap] = band.ring + (result + tap) % kTaps * kMaps * results;
    join_rows(rows, window, band.similarity, band.contrast, results);
    double* sums = band.sums + 2 * kChannels * result;
    for (int64_t i = 0; i < results; i += kChannels) {
      for (int64_t channel = 0; channel < kChannels; ++channel) {
        sums[channel] += band.similarity[i + channel];
        sums[kChannels + channel] += band.contrast[i + channel];
      }
    }
  }
}

// target_clones takes no templates: one named function per type.
SVG_CLONES void band_of_bytes(const uint8_t* a, const uint8_t* b, const double* window, const Band& band) {
  similarity_of_band(a, b, window, band);
}
SVG_CLONES void band_of_doubles(const double* a, const double* b, const double* window, const Band& band) {
  similarity_of_band(a, b, window, band);
}

}  // namespace

SimilarityMeans similarity_means(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor left = a.contiguous(), right = b.contiguous();
  const bool bytes = left.scalar_type() == at::kByte;
  const int64_t rows = left.size(0) - (kTaps - 1), width = left.size(1) * kChannels;
  const int64_t results = width - kChannels * (kTaps - 1);
  const std::array<double, kTaps> window = gaussian_window();
  // Sums of a row, whoever computed it: the mean does not depend on the number of threads.
  std::vector<double> sums(static_cast<size_t>(rows * 2 * kChannels));
  cpu::parallel_rows((rows + kRowsABand - 1) / kRowsABand, 1, [&](int64_t begin, int64_t end) {
    std::vector<double> scratch(static_cast<size_t>(kMaps * width + (kTaps * kMaps + 2) * results));
    for (int64_t i = begin; i < end; ++i) {
      double* ring = scratch.data() + kMaps * width;
      double* lines = ring + kTaps * kMaps * results;
      const Band band{
          i * kRowsABand, std::min(rows, (i + 1) * kRowsABand), width, scratch.data(), ring, lines, lines + results,
          sums.data()};
      if (bytes) {
        band_of_bytes(left.const_data_ptr<uint8_t>(), right.const_data_ptr<uint8_t>(), window.data(), band);
      } else {
        band_of_doubles(left.const_data_ptr<double>(), right.const_data_ptr<double>(), window.data(), band);
      }
    }
  });
  check_cancelled();
  SimilarityMeans means{};
  for (size_t i = 0; i < sums.size(); ++i) {
    const size_t channel = i % kChannels;
    (i / kChannels % 2 == 0 ? means.ssim : means.contrast)[channel] += sums[i];
  }
  const auto windows = static_cast<double>(rows * (results / kChannels));
  for (double& mean : means.ssim) mean /= windows;
  for (double& mean : means.contrast) mean /= windows;
  return means;
}

}  // namespace svg
