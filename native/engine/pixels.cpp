#include "engine/pixels.h"

#include "core/error.h"

namespace svg {

at::Tensor to_pixels(const at::Tensor& image) {
  const at::Tensor levels = image.to(at::kFloat).add(1).div(2).clamp(0, 1).mul(255);
  return levels.floor().to(at::kByte).permute({1, 2, 0}).contiguous().to(at::kCPU);
}

void check_pixels(const at::Tensor& pixels, const std::string& name) {
  SVG_CHECK(pixels.scalar_type() == at::kByte && pixels.dim() == 3 && pixels.size(2) == 3 && pixels.numel() > 0,
            ErrorCode::kInvalidArgument, "\"", name, "\" must be uint8 (height, width, 3), not ", pixels.sizes());
}

at::Tensor from_pixels(const at::Tensor& pixels, const std::string& name) {
  check_pixels(pixels, name);
  return pixels.permute({2, 0, 1}).to(at::kFloat).div(127.5).sub(1);
}

}  // namespace svg
