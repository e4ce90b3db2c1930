// Resizing pictures as TensorFlow 1 does.
#include "kernels/resize.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu.h"

namespace svg::cpu {
namespace {

constexpr int64_t kChannels = 3;

/// Where a place of the output lies between two of the input.
struct Between {
  int64_t lower, upper;
  float weight;  // of upper
};

std::vector<Between> places(int64_t in, int64_t out) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  std::vector<Between> found(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const float source = static_cast<float>(i) * scale;
    const int64_t lower = std::min(static_cast<int64_t>(source), in - 1);
    found[static_cast<size_t>(i)] = {lower, std::min(lower + 1, in - 1), source - static_cast<float>(lower)};
  }
  return found;
}

float mix(float a, float b, float weight) { return a + (b - a) * weight; }

}  // namespace

void tensorflow_resize(const uint8_t* picture, int64_t height, int64_t width, float* out, int64_t side, float shift,
                       float factor) {
  const std::vector<Between> rows = places(height, side), columns = places(width, side);
  parallel_rows(side, 16, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      const Between& row = rows[static_cast<size_t>(y)];
      const uint8_t* above = picture + row.lower * width * kChannels;
      const uint8_t* below = picture + row.upper * width * kChannels;
      float* o = out + y * side * kChannels;
      for (const Between& column : columns) {
        const int64_t left = column.lower * kChannels, right = column.upper * kChannels;
        for (int64_t c = 0; c < kChannels; ++c) {
          const float top = mix(above[left + c], above[right + c], column.weight);
          const float bottom = mix(below[left + c], below[right + c], column.weight);
          *o++ = (mix(top, bottom, row.weight) + shift) * factor;
        }
      }
    }
  });
}

}  // namespace svg::cpu
