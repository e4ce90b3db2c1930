#include "ops/tensorflow_resize.h"

#include "core/error.h"
#include "kernels/resize.h"

namespace svg {
namespace {

void check_picture(const at::Tensor& picture) {
  SVG_CHECK(picture.scalar_type() == at::kByte && picture.dim() == 3 && picture.size(2) == 3 && picture.numel() > 0,
            ErrorCode::kInvalidArgument, "a picture must be uint8 (height, width, 3), not ", picture.scalar_type(), " ",
            picture.sizes());
}

struct Places {
  at::Tensor lower, upper, weight;
};

Places places_of(int64_t in, int64_t out) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  const at::Tensor source = at::arange(out, at::kFloat) * scale;
  const at::Tensor lower = source.floor().to(at::kLong).clamp_max(in - 1);
  return {lower, (lower + 1).clamp_max(in - 1), source - lower.to(at::kFloat)};
}

at::Tensor mixed(const at::Tensor& a, const at::Tensor& b, const at::Tensor& weight) { return a + (b - a) * weight; }

}  // namespace

void tensorflow_resize_into(const at::Tensor& picture, const at::Tensor& out, double shift, double factor) {
  check_picture(picture);
  const at::Tensor pixels = picture.to(at::kCPU).contiguous();
  SVG_CHECK(out.is_cpu() && out.is_contiguous() && out.scalar_type() == at::kFloat && out.dim() == 3 &&
                out.size(0) == out.size(1) && out.size(2) == 3,
            ErrorCode::kInternal, "tensorflow_resize writes fp32 (side, side, 3) on the CPU, not ", out.sizes());
  cpu::tensorflow_resize(pixels.const_data_ptr<uint8_t>(), pixels.size(0), pixels.size(1), out.data_ptr<float>(),
                         out.size(0), static_cast<float>(shift), static_cast<float>(factor));
}

at::Tensor tensorflow_resize(const at::Tensor& picture, int64_t side) {
  const at::Tensor out = at::empty({side, side, 3}, at::kFloat);
  tensorflow_resize_into(picture, out, 0, 1);
  return out;
}

at::Tensor tensorflow_resize_reference(const at::Tensor& picture, int64_t side) {
  check_picture(picture);
  const at::Tensor pixels = picture.to(at::kCPU, at::kFloat);
  const Places rows = places_of(pixels.size(0), side), columns = places_of(pixels.size(1), side);
  const auto resized_row = [&](const at::Tensor& which) {
    const at::Tensor lines = pixels.index_select(0, which);
    return mixed(lines.index_select(1, columns.lower), lines.index_select(1, columns.upper),
                 columns.weight.view({-1, 1}));
  };
  return mixed(resized_row(rows.lower), resized_row(rows.upper), rows.weight.view({-1, 1, 1}));
}

}  // namespace svg
