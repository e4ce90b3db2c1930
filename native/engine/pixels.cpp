#include "engine/pixels.h"

#include "core/error.h"
#include "core/transfer.h"

namespace svg {
namespace {

at::Tensor from_levels(const at::Tensor& levels) { return levels.div(127.5).sub(1); }

}  // namespace

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
  return from_levels(pixels.permute({2, 0, 1}).to(at::kFloat));
}

at::Tensor from_pixels(const std::vector<at::Tensor>& pictures, at::Device device) {
  const at::Tensor bytes = sent_to(pictures.size() == 1 ? pictures[0].unsqueeze(0) : at::stack(pictures), device);
  const at::Tensor planes = bytes.permute({0, 3, 1, 2});
  return from_levels(at::empty(planes.sizes(), planes.options().dtype(at::kFloat)).copy_(planes));
}

}  // namespace svg
