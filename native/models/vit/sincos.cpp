#include "models/vit/sincos.h"

#include "core/error.h"

namespace svg {
namespace {

/// (count, width): sines, then cosines, of positions 0, step, 2 step ...
at::Tensor sincos_line(int64_t width, int64_t count, double step) {
  const at::Tensor exponents = at::arange(width / 2, at::kDouble) / (static_cast<double>(width) / 2);
  const at::Tensor angles = (at::arange(count, at::kDouble) * step).outer(at::pow(10000.0, exponents).reciprocal());
  return at::cat({angles.sin(), angles.cos()}, 1);
}

}  // namespace

at::Tensor sincos_positions(int64_t width, int64_t rows, int64_t columns, double step) {
  SVG_CHECK(width > 0 && width % 4 == 0, ErrorCode::kInvalidConfig, "[positions] a width of ", width,
            ": sines and cosines of two sides take a multiple of 4");
  const at::Tensor column = sincos_line(width / 2, columns, step).unsqueeze(0).expand({rows, -1, -1});
  const at::Tensor row = sincos_line(width / 2, rows, step).unsqueeze(1).expand({-1, columns, -1});
  return at::cat({column, row}, 2).flatten(0, 1).to(at::kFloat);
}

}  // namespace svg
