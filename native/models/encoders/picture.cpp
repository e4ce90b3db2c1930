#include "models/encoders/picture.h"

#include "core/error.h"

namespace svg {

at::Tensor normalised_picture(const at::Tensor& image, const std::array<double, 3>& mean,
                              const std::array<double, 3>& deviation) {
  SVG_CHECK(image.dim() == 4 && image.size(1) == 3, ErrorCode::kInvalidArgument,
            "[encoder] image must be (batch, 3, height, width), not ", image.sizes());
  const at::TensorOptions options = at::TensorOptions().dtype(at::kFloat).device(image.device());
  const auto channels = [&](const std::array<double, 3>& values) {
    return at::tensor(at::ArrayRef<double>(values), options).view({1, 3, 1, 1});
  };
  return ((image.to(at::kFloat) + 1) / 2 - channels(mean)) / channels(deviation);
}

at::Tensor imagenet_normalised(const at::Tensor& image) {
  return normalised_picture(image, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225});
}

at::Tensor patches_as_cells(const at::Tensor& image, const Cells& cells, int64_t patch) {
  SVG_CHECK(cells.rows > 0 && cells.columns > 0, ErrorCode::kInvalidArgument, "[encoder] ", cells.rows, " x ",
            cells.columns, " cells");
  const int64_t height = cells.rows * patch, width = cells.columns * patch;
  if (image.size(-2) == height && image.size(-1) == width) return image;
  return at::upsample_bicubic2d(image.to(at::kFloat), {height, width}, /*align_corners=*/false);
}

}  // namespace svg
