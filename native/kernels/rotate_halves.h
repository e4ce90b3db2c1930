// Rotary embedding over the two halves of a head, on the CPU.
#pragma once

#include <cstdint>

#include "kernels/rows.h"

namespace svg::cpu {

/// out[r] = the heads of x[r] with their halves (a, b) as (a, b) * cos + (-b, a) * sin; cos and sin (rows, head_dim).
/// Rounded after every product and sum, as operations one by one are.
void rotate_halves(Rows x, const float* cos, const float* sin, Rows out, int64_t rows, int64_t heads, int64_t head_dim);

}  // namespace svg::cpu
