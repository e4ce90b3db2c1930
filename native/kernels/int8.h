// Fused loops of the CPU that end in 8-bit rows: what matrices of 8 bit are multiplied by (core/int8.h).
#pragma once

#include <cstdint>

#include "kernels/rows.h"

namespace svg::cpu {

/// 8-bit rows without gaps, 128 for zero, and a scale for each. The largest of a row is 1 or 255; a row of zeros has
/// scale 0, one that is not finite NaN.
struct ByteRows {
  uint8_t* values;
  float* scale;
};

/// out[r] ~ x[r]
void quantise_rows(Rows x, ByteRows out, int64_t rows, int64_t dim);

/// out[r] ~ x[r] / rms(x[r]) * weight[group[r]]; group null: one weight row for all.
void quantised_rms_norm(Rows x, const float* weight, const int32_t* group, float eps, ByteRows out, int64_t rows,
                        int64_t dim);

/// out[r] ~ silu(scale[r] * gate[r]) * scale[r] * up[r], fp32.
void quantised_swiglu(Rows gate, Rows up, const float* scale, ByteRows out, int64_t rows, int64_t dim);

/// The same with the tanh approximation of gelu in place of silu.
void quantised_geglu(Rows gate, Rows up, const float* scale, ByteRows out, int64_t rows, int64_t dim);

/// x[r] = x[r] * scale[r] + bias, fp32; bias (dim) null: none.
void scale_rows(Rows x, const float* scale, const float* bias, int64_t rows, int64_t dim);

}  // namespace svg::cpu
