// Positions that are stored for one square of patches and resized for every other grid.
#pragma once

#include <ATen/ATen.h>

namespace svg {

/// How a model resizes its stored positions. All resize bicubically without aligned corners; they differ in this.
struct PositionResize {
  bool antialias = false;
  /// Added to the wanted rows and columns where the scale is computed. DINOv2 without registers was published with
  /// 0.1 (against rounding), and so samples beside the centres.
  double offset = 0;
};

/// n where cells = n * n, 0 for a number that is no square.
int64_t side_of_square(int64_t cells);

/// table (1, side * side, C), row-major -> (1, rows * columns, C), fp32. As it is where the grids agree.
at::Tensor resized_positions(const at::Tensor& table, int64_t rows, int64_t columns, const PositionResize& how);

}  // namespace svg
