#include "models/vit/positions.h"

#include <cmath>
#include <optional>

namespace svg {

int64_t side_of_square(int64_t cells) {
  const int64_t side = std::llround(std::sqrt(static_cast<double>(std::max<int64_t>(cells, 0))));
  return side * side == cells ? side : 0;
}

at::Tensor resized_positions(const at::Tensor& table, int64_t rows, int64_t columns, const PositionResize& how) {
  const int64_t side = std::lround(std::sqrt(static_cast<double>(table.size(1))));
  if (rows == side && columns == side) return table.to(at::kFloat);
  const at::Tensor square = table.to(at::kFloat).unflatten(1, {side, side}).permute({0, 3, 1, 2});
  std::optional<double> by_row, by_column;  // of themselves, from the sizes
  if (how.offset != 0) {
    by_row = (static_cast<double>(rows) + how.offset) / static_cast<double>(side);
    by_column = (static_cast<double>(columns) + how.offset) / static_cast<double>(side);
  }
  const at::Tensor resized =
      how.antialias ? at::_upsample_bicubic2d_aa(square, {rows, columns}, /*align_corners=*/false, by_row, by_column)
                    : at::upsample_bicubic2d(square, {rows, columns}, /*align_corners=*/false, by_row, by_column);
  return resized.flatten(2).transpose(1, 2);
}

}  // namespace svg
