#include "ops/rope.h"

#include "core/error.h"
#include "ops/counted.h"
#include "ops/fused.h"
#include "ops/rms_norm.h"
#include "ops/verified.h"

namespace svg {

Rope rope_of_positions(const at::Tensor& positions, const std::vector<int64_t>& axes_dims, double theta) {
  SVG_CHECK(positions.dim() == 2 && positions.size(1) == static_cast<int64_t>(axes_dims.size()), ErrorCode::kInternal,
            "[rope] positions ", positions.sizes(), " for ", axes_dims.size(), " axes");
  std::vector<at::Tensor> angles;
  for (size_t axis = 0; axis < axes_dims.size(); ++axis) {
    const double dim = static_cast<double>(axes_dims[axis]);
    const at::Tensor exponents = at::arange(0, axes_dims[axis], 2, at::kDouble) / dim;
    const at::Tensor frequencies = at::pow(theta, exponents).reciprocal();
    const at::Tensor position = positions.select(1, static_cast<int64_t>(axis)).to(at::kCPU, at::kDouble);
    angles.push_back(position.unsqueeze(1) * frequencies);
  }
  const at::Tensor angle = at::cat(angles, 1).to(at::kFloat);
  return {angle.cos().to(positions.device()), angle.sin().to(positions.device())};
}

Rope concat_ropes(const std::vector<Rope>& ropes) {
  std::vector<at::Tensor> cos, sin;
  for (const Rope& rope : ropes) {
    cos.push_back(rope.cos);
    sin.push_back(rope.sin);
  }
  return {at::cat(cos, 0), at::cat(sin, 0)};
}

Rope select_rope(const Rope& rope, const at::Tensor& rows) {
  return {rope.cos.index_select(0, rows), rope.sin.index_select(0, rows)};
}

at::Tensor norm_rotate_heads_reference(const at::Tensor& x, const at::Tensor& weight, double eps, const Rope& rope) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor normed = weight.defined() ? rms_norm(wide, weight, eps) : wide;
  const at::Tensor pairs = normed.unflatten(-1, {-1, 2});
  const at::Tensor even = pairs.select(-1, 0);
  const at::Tensor odd = pairs.select(-1, 1);
  const at::Tensor cos = rope.cos.unsqueeze(1);
  const at::Tensor sin = rope.sin.unsqueeze(1);
  return at::stack({even * cos - odd * sin, even * sin + odd * cos}, -1).flatten(-2).to(x.scalar_type());
}

at::Tensor norm_rotate_heads(const at::Tensor& x, const at::Tensor& weight, double eps, const Rope& rope) {
  SVG_CHECK(x.dim() == 3 && rope.cos.size(0) == x.size(0) && 2 * rope.cos.size(1) == x.size(2), ErrorCode::kInternal,
            "[rope] heads ", x.sizes(), ", rotation ", rope.cos.sizes());
  const bool on_gpu = x.is_cuda() && fits_kernel(x);
  const bool wide = on_gpu && (x.size(2) > cuda::kMaxHeadDim || !aligned_for(kernel_rows(x), 2));
  const bool fits = fits_kernel(x) && !wide && x.stride(1) == x.size(2) && fits_parameter(rope.cos) &&
                    fits_parameter(rope.sin) && fits_parameter(weight);
  if (!fits || records_grad({x, weight})) return norm_rotate_heads_reference(x, weight, eps, rope);
  const at::Tensor out = at::empty(x.sizes(), x.options());
  if (counted("norm_rotate_heads", {x, weight, rope.cos, rope.sin}, {out})) return out;
  const float* norm = weight.defined() ? weight.const_data_ptr<float>() : nullptr;
  const HeadNorms norms{norm, nullptr, x.size(1)};
  const float* cos = rope.cos.const_data_ptr<float>();
  const float* sin = rope.sin.const_data_ptr<float>();
  const float small = static_cast<float>(eps);
  if (x.is_cpu()) {
    cpu::norm_rotate_heads(kernel_rows(x), norms, small, cos, sin, kernel_rows(out), x.size(0), x.size(1), x.size(2));
    return out;
  }
  return verified(
      signature_of("norm_rotate_heads", {x, weight}),
      [&] {
        cuda::norm_rotate_heads(kernel_rows(x), norms, small, cos, sin, kernel_rows(out), x.size(0), x.size(1),
                                x.size(2), stream_of(x));
        return out;
      },
      [&] { return norm_rotate_heads_reference(x, weight, eps, rope); });
}

}  // namespace svg
