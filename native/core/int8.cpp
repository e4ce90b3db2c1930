#include "core/int8.h"

#include <limits>

#include "core/error.h"

namespace svg {
namespace {

constexpr int64_t kBlockRows = 256;  // widened to fp32 at once
constexpr double kLargest = 127;     // -128 has no positive counterpart

/// Calls body(first, count) for blocks of rows.
template <typename Body>
void each_block(int64_t rows, const Body& body) {
  for (int64_t first = 0; first < rows; first += kBlockRows) body(first, std::min(kBlockRows, rows - first));
}

}  // namespace

Int8Rows to_int8(const at::Tensor& weight, const std::string& name) {
  SVG_CHECK(weight.dim() == 2 && at::isFloatingType(weight.scalar_type()), ErrorCode::kInternal, "[int8] a weight of ",
            weight.sizes(), ", ", weight.scalar_type());
  Int8Rows rows{at::empty(weight.sizes(), at::kChar), at::empty({weight.size(0)}, at::kFloat)};
  each_block(weight.size(0), [&](int64_t first, int64_t count) {
    const at::Tensor block = weight.narrow(0, first, count).to(at::kCPU, at::kFloat);
    const at::Tensor largest = block.numel() == 0 ? at::zeros({count}) : at::amax(block.abs(), {1});
    SVG_CHECK(largest.isfinite().all().item<bool>(), ErrorCode::kWeightsMismatch,
              name.empty() ? "a matrix" : "tensor \"" + name + "\"", " holds NaN or infinity: it has no 8-bit form");
    const at::Tensor scale = largest / kLargest;
    // Dividing by a subnormal scale could overflow; such rows are zeros as far as any sum can tell.
    const at::Tensor used = at::where(scale < std::numeric_limits<float>::min(), at::zeros_like(scale), scale);
    const at::Tensor divisor = at::where(used > 0, used, at::full_like(used, std::numeric_limits<float>::infinity()));
    rows.scale.narrow(0, first, count).copy_(used);
    rows.values.narrow(0, first, count).copy_(at::round(block / divisor.unsqueeze(1)).clamp_(-kLargest, kLargest));
  });
  return rows;
}

at::Tensor from_int8(const Int8Rows& rows, at::ScalarType dtype) {
  const at::Tensor weight = at::empty(rows.values.sizes(), dtype);
  each_block(weight.size(0), [&](int64_t first, int64_t count) {
    weight.narrow(0, first, count)
        .copy_(rows.values.narrow(0, first, count).to(at::kFloat) * rows.scale.narrow(0, first, count).unsqueeze(1));
  });
  return weight;
}

}  // namespace svg
