// AdamW, averages and copies of the parameters, a few pages at a time: what one loop has written the next one finds in
// the cache.
#include "kernels/adamw.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu.h"
#include "kernels/cpu/elements.h"

namespace svg::cpu {
namespace {

constexpr int64_t kChunk = 4096;  // elements: 16 kB of each array

template <typename G>
SVG_INLINE void adamw_range(const AdamWPlan& plan, float* parameter, const G* gradient, float* first, float* second,
                            int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const float slope = load(gradient, i) * plan.grad_factor;
    const float mean = lerp_to(first[i], slope, plan.first);
    const float square = second[i] * plan.beta2 + plan.second * slope * slope;
    first[i] = mean;
    second[i] = square;
    parameter[i] = parameter[i] * plan.keep - plan.step_size * mean / (std::sqrt(square) / plan.correction + plan.eps);
  }
}

// target_clones takes no templates.
SVG_CLONES void adamw_f32(const AdamWPlan& plan, float* parameter, const float* gradient, float* first, float* second,
                          int64_t count) {
  adamw_range(plan, parameter, gradient, first, second, count);
}
SVG_CLONES void adamw_bf16(const AdamWPlan& plan, float* parameter, const BFloat16* gradient, float* first,
                           float* second, int64_t count) {
  adamw_range(plan, parameter, gradient, first, second, count);
}

SVG_CLONES void move_average(float* average, const float* parameter, float weight, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) average[i] = lerp_to(average[i], parameter[i], weight);
}

SVG_CLONES void round_copy(const float* parameter, BFloat16* copy, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) store(copy, i, parameter[i]);
}

void update_chunk(const AdamWPlan& plan, const AdamWPiece& piece, int64_t begin) {
  const int64_t count = std::min(kChunk, piece.elements - begin);
  float* parameter = piece.parameter + begin;
  float* first = piece.first + begin;
  float* second = piece.second + begin;
  if (!piece.gradient) {
    if (piece.average) move_average(piece.average + begin, parameter, plan.average, count);
    return;
  }
  if (piece.gradient_type == Real::kFloat32) {
    adamw_f32(plan, parameter, static_cast<const float*>(piece.gradient) + begin, first, second, count);
  } else {
    adamw_bf16(plan, parameter, static_cast<const BFloat16*>(piece.gradient) + begin, first, second, count);
  }
  if (piece.average) move_average(piece.average + begin, parameter, plan.average, count);
  if (piece.copy) round_copy(parameter, static_cast<BFloat16*>(piece.copy) + begin, count);
}

}  // namespace

void adamw_update(const AdamWPlan& plan, const AdamWPiece* pieces, int64_t count) {
  if (!plan.apply) return;
  // Chunks of all pieces are one list, so that small ones keep no thread waiting.
  std::vector<int64_t> ends(static_cast<size_t>(count));
  int64_t chunks = 0;
  for (int64_t i = 0; i < count; ++i) {
    chunks += (pieces[i].elements + kChunk - 1) / kChunk;
    ends[static_cast<size_t>(i)] = chunks;
  }
  parallel_rows(chunks, /*grain=*/4, [&](int64_t begin, int64_t end) {
    auto piece = std::upper_bound(ends.begin(), ends.end(), begin) - ends.begin();
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      while (ends[static_cast<size_t>(piece)] <= chunk) ++piece;
      const int64_t start = piece == 0 ? 0 : ends[static_cast<size_t>(piece) - 1];
      update_chunk(plan, pieces[piece], (chunk - start) * kChunk);
    }
  });
}

}  // namespace svg::cpu
