#include "kernels/product.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu.h"
#include "kernels/cpu/elements.h"
#include "kernels/cpu/tiles.h"

namespace svg::cpu {
namespace {

constexpr int64_t kMostPanels = 4;   // of a group
constexpr int64_t kChunkRows = 264;  // of x; whole tiles
constexpr int64_t kLine = 16;        // floats of a line of the cache
constexpr int64_t kLeastRows = 48;   // of a part of x
constexpr double kMostIdle = 0.1;
constexpr int64_t kLeastWork = 1 << 19;  // multiplications that a thread is worth waking for

/// What becomes of the sums of a row, (kColumns): `count` outputs from `first` on. Where there is an `up`, the left
/// half are the gates and the right one what they let through.
template <typename S>
SVG_INLINE void finish_row(const Product& p, float* sums, int64_t r, int64_t first, int64_t count) {
  float* const y = p.y + r * p.y_stride + first;
  const float* const bias = p.layer.bias ? p.layer.bias + first : nullptr;
  if (bias) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) sums[i] += bias[i];
  }
  if (p.up.weight) {
    const float* const up_bias = p.up.bias ? p.up.bias + first : nullptr;
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) {
      const float gate = sums[i], up = sums[S::kLanes + i] + (up_bias ? up_bias[i] : 0.0f);
      sums[i] = gate / (1.0f + fast_exp(-gate)) * up;
    }
  }
  if (p.residual) {
    const float* const residual = p.residual + r * p.y_stride + first;
    const float* const scale = p.scale ? p.scale + first : nullptr;
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) sums[i] = residual[i] + sums[i] * (scale ? scale[i] : 1.0f);
  }
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) y[i] = sums[i];
}

/// Numbers of outputs that are known here make straight code of the loops over them.
template <typename S>
SVG_INLINE void finish_tile(const Product& p, float* sums, int64_t row, int64_t rows, int64_t first, int64_t count) {
  for (int64_t r = 0; r < rows; ++r, sums += S::kColumns) {
    if (count == S::kColumns) {
      finish_row<S>(p, sums, row + r, first, S::kColumns);
    } else if (count == S::kLanes) {
      finish_row<S>(p, sums, row + r, first, S::kLanes);
    } else {
      finish_row<S>(p, sums, row + r, first, count);
    }
  }
}

/// The outputs of one panel, in the order of panels.
template <typename S>
struct Panels {
  const Product& p;
  int64_t width = p.up.weight ? S::kLanes : S::kColumns;
  int64_t count = (p.out + width - 1) / width;

  int64_t first(int64_t panel) const { return panel * width; }
  int64_t outputs(int64_t panel) const { return std::min(width, p.out - first(panel)); }
};

/// Panels begin .. end of the weights as the tiles read them: blocks of kDepth inputs, in each the panels.
template <typename S>
SVG_INLINE void transpose_panels(const Panels<S>& panels, int64_t begin, int64_t end, float* group) {
  const Product& p = panels.p;
  for (int64_t k = 0; k < p.in; k += S::kDepth) {
    const int64_t depth = std::min<int64_t>(S::kDepth, p.in - k);
    for (int64_t i = begin; i < end; ++i, group += depth * S::kColumns) {
      const int64_t first = panels.first(i), count = panels.outputs(i);
      const auto transpose = [&](const LayerWeights& layer, float* panel, int64_t lanes) {
        transpose_rows(layer.weight + first * layer.stride + k, layer.stride, count, depth, panel, lanes, S::kColumns);
      };
      if (p.up.weight) {
        transpose(p.layer, group, S::kLanes);
        transpose(p.up, group + S::kLanes, S::kLanes);
      } else {
        transpose(p.layer, group, S::kColumns);
      }
    }
  }
}

/// Lines of the weights of panels begin .. end, asked for one after the other while others are multiplied.
template <typename S>
class Ahead {
 public:
  Ahead(const Panels<S>& panels, int64_t begin, int64_t end, int64_t tiles) : p_(panels.p) {
    if (begin >= end) return;
    const int64_t first = panels.first(begin), rows = std::min(panels.first(end), p_.out) - first;
    layers_ = p_.up.weight ? 2 : 1;
    each_ = (layers_ * rows * ((p_.in + kLine - 1) / kLine) + tiles - 1) / tiles;
    begin_ = first;
    end_ = first + rows;
    start(p_.layer);
  }
  SVG_INLINE void ask() {
    for (int64_t i = layers_ > 0 ? each_ : 0; i > 0; --i) {
      __builtin_prefetch(row_ + at_, 0, 2);
      if ((at_ += kLine) < p_.in) continue;
      at_ = 0;
      row_ += stride_;
      if (row_ < stop_) continue;
      if (--layers_ == 0) return;
      start(p_.up);
    }
  }

 private:
  void start(const LayerWeights& layer) {
    stride_ = layer.stride;
    row_ = layer.weight + begin_ * stride_;
    stop_ = layer.weight + end_ * stride_;
  }

  const Product& p_;
  const float *row_ = nullptr, *stop_ = nullptr;
  int64_t layers_ = 0, each_ = 0, begin_ = 0, end_ = 0, stride_ = 0, at_ = 0;
};

/// Panels begin .. end of the weights in the cache, and the sums that they are multiplied to.
template <typename S>
struct Group {
  const Panels<S>& panels;
  int64_t begin, end;
  const float* values;  // as transpose_panels() writes them
  float* sums;          // (panels, kChunkRows, kColumns)
};

/// Rows row .. of at most kChunkRows from `chunk` on, `Rows` at a time for as long as they fit before `rows`, then
/// fewer, with one block of inputs of a group.
template <typename S, int Rows>
SVG_INLINE void multiply_rows(const Group<S>& group, int64_t chunk, int64_t row, int64_t rows, int64_t k,
                              Ahead<S>& ahead) {
  const Product& p = group.panels.p;
  const int64_t depth = std::min<int64_t>(S::kDepth, p.in - k);
  const float* const values = group.values + k * (group.end - group.begin) * S::kColumns;
  for (; row + Rows <= rows; row += Rows) {
    const float* const x = p.x + (chunk + row) * p.x_stride + k;
    for (int64_t i = group.begin; i < group.end; ++i) {
      const int64_t j = i - group.begin;
      float* const sums = group.sums + (j * kChunkRows + row) * S::kColumns;
      multiply_tile<S, Rows>(x, p.x_stride, values + j * depth * S::kColumns, depth, sums, k == 0);
      if (k + depth < p.in) continue;
      finish_tile<S>(p, sums, chunk + row, Rows, group.panels.first(i), group.panels.outputs(i));
      ahead.ask();
    }
  }
  if constexpr (Rows > 1) multiply_rows<S, Rows / 2>(group, chunk, row, rows, k, ahead);
}

/// Rows row_begin .. row_end of x with panels begin .. end.
template <typename S>
SVG_INLINE void multiply_part(const Product& p, int64_t row_begin, int64_t row_end, int64_t begin, int64_t end) {
  static thread_local std::vector<float> kept_values, kept_sums;
  const Panels<S> panels{p};
  const int64_t panel_bytes = p.in * S::kColumns * static_cast<int64_t>(sizeof(float));
  const int64_t most = std::clamp<int64_t>(S::kGroupBytes / panel_bytes, 1, kMostPanels);
  float* const values = room_for(kept_values, most * p.in * S::kColumns);
  float* const sums = room_for(kept_sums, most * kChunkRows * S::kColumns);
  for (int64_t i = begin; i < end; i += most) {
    const Group<S> group{panels, i, std::min(end, i + most), values, sums};
    transpose_panels(panels, group.begin, group.end, values);
    for (int64_t m = row_begin; m < row_end; m += kChunkRows) {
      const int64_t rows = std::min(kChunkRows, row_end - m);
      const int64_t next = m + kChunkRows < row_end ? group.end : std::min(end, group.end + most);
      Ahead<S> ahead(panels, group.end, next, (group.end - group.begin) * ((rows + S::kRows - 1) / S::kRows));
      for (int64_t k = 0; k < p.in; k += S::kDepth) multiply_rows<S, S::kRows>(group, m, 0, rows, k, ahead);
    }
  }
}

using Part = void (*)(const Product& p, int64_t row_begin, int64_t row_end, int64_t begin, int64_t end);

void multiply_any(const Product& p, int64_t row_begin, int64_t row_end, int64_t begin, int64_t end) {
  multiply_part<Any>(p, row_begin, row_end, begin, end);
}

struct Way {
  Part part;
  int64_t width;  // outputs of a panel
};

#ifdef SVG_HAS_AVX
SVG_AVX2 void multiply_avx2(const Product& p, int64_t row_begin, int64_t row_end, int64_t begin, int64_t end) {
  multiply_part<Avx2>(p, row_begin, row_end, begin, end);
}

SVG_AVX512 void multiply_avx512(const Product& p, int64_t row_begin, int64_t row_end, int64_t begin, int64_t end) {
  multiply_part<Avx512>(p, row_begin, row_end, begin, end);
}
#endif

Way fastest() {
#ifdef SVG_HAS_AVX
  if (runs_avx512()) return {multiply_avx512, Avx512::kColumns};
  if (runs_avx2()) return {multiply_avx2, Avx2::kColumns};
#endif
  return {multiply_any, Any::kColumns};
}

}  // namespace

void product(const Product& p, int64_t threads) {
  static const Way way = fastest();
  const int64_t width = p.up.weight ? way.width / 2 : way.width, panels = (p.out + width - 1) / width;
  // Rows are cut too where there are few panels for so many threads.
  int64_t parts = 1;
  const auto idle = [&](int64_t parts) {  // share of the threads' time, if all pieces take as long
    const int64_t pieces = parts * panels, rounds = (pieces + threads - 1) / threads;
    return 1.0 - static_cast<double>(pieces) / static_cast<double>(rounds * threads);
  };
  while (idle(parts) > kMostIdle && p.rows / (parts + 1) >= kLeastRows) ++parts;
  const int64_t whole = (p.rows + parts - 1) / parts;
  const int64_t grain = 1 + kLeastWork / (whole * width * p.in);
  parallel_rows(parts * panels, grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t part = begin / panels, last = std::min(end, (part + 1) * panels);
      const int64_t first_row = part * whole, last_row = std::min(p.rows, first_row + whole);
      way.part(p, first_row, last_row, begin - part * panels, last - part * panels);
      begin = last;
    }
  });
}

}  // namespace svg::cpu
