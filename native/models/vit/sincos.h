// The fixed positions of vision transformers: sines and cosines of a cell's column and row. Source: arXiv 2111.06377.
#pragma once

#include <ATen/ATen.h>

namespace svg {

/// (rows * columns, width), fp32 on the CPU, row-major: the first half of the width tells the column, the second the
/// row, each half its sines and then its cosines. Neighbours are `step` apart. Throws Error(kInvalidConfig) where the
/// width is no multiple of 4.
at::Tensor sincos_positions(int64_t width, int64_t rows, int64_t columns, double step = 1);

}  // namespace svg
