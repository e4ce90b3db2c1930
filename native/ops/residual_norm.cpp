#include "ops/residual_norm.h"

#include "core/error.h"
#include "ops/counted.h"
#include "ops/fused.h"
#include "ops/verified.h"

namespace svg {
namespace {

constexpr int64_t kFour = 4;  // columns that the GPU's kernel reads at once

bool fits_residual(const at::Tensor& x, const at::Tensor& y, const RowWeights& closing, const at::Tensor& opening,
                   at::ScalarType dtype) {
  const bool plain = x.dim() == 2 && dtype == y.scalar_type() && fits_kernel(x) && fits_kernel(y) &&
                     fits_parameter(closing.rows) && fits_parameter(opening) &&
                     (!closing.group.defined() || closing.group.scalar_type() == at::kInt);
  if (!plain || records_grad({x, y, closing.rows, opening})) return false;
  if (x.is_cpu()) return true;
  const auto whole = [](const at::Tensor& weights) {
    return aligned_for({weights.data_ptr(), Real::kFloat32, weights.size(1)}, kFour);
  };
  return x.size(1) <= cuda::kMaxNormDim && x.size(1) % kFour == 0 && aligned_for(kernel_rows(x), kFour) &&
         aligned_for(kernel_rows(y), kFour) && whole(closing.rows) && whole(opening);
}

}  // namespace

ResidualNorm residual_norm_reference(const at::Tensor& x, const at::Tensor& y, const RowWeights& closing, double eps,
                                     const at::Tensor& opening, double next_eps, at::ScalarType dtype) {
  const at::Tensor sum = add_scaled_rms_norm_reference(x, y, closing, eps);
  return {sum, scaled_rms_norm_reference(sum, {opening, closing.group}, next_eps, dtype)};
}

ResidualNorm residual_norm(const at::Tensor& x, const at::Tensor& y, const RowWeights& closing, double eps,
                           const at::Tensor& opening, double next_eps, at::ScalarType dtype) {
  SVG_CHECK(x.sizes() == y.sizes() && closing.rows.sizes() == opening.sizes(), ErrorCode::kInternal,
            "[residual_norm] rows ", x.sizes(), ", branch ", y.sizes(), ", weights ", closing.rows.sizes(), " and ",
            opening.sizes());
  if (!fits_residual(x, y, closing, opening, dtype)) {
    const at::Tensor sum = add_scaled_rms_norm(x, y, closing, eps);
    return {sum, scaled_rms_norm(sum, {opening, closing.group}, next_eps, dtype)};
  }
  const at::Tensor sum = at::empty(x.sizes(), x.options()), normed = at::empty(y.sizes(), y.options());
  if (counted("residual_norm", {x, y, closing.rows, closing.group, opening}, {sum, normed})) return {sum, normed};
  const float* first = closing.rows.const_data_ptr<float>();
  const float* second = opening.const_data_ptr<float>();
  const int32_t* group = closing.group.defined() ? closing.group.const_data_ptr<int32_t>() : nullptr;
  const float small = static_cast<float>(eps), next_small = static_cast<float>(next_eps);
  if (x.is_cpu()) {
    cpu::residual_norm(kernel_rows(x), kernel_rows(y), first, second, group, small, next_small, kernel_rows(sum),
                       kernel_rows(normed), x.size(0), x.size(1));
    return {sum, normed};
  }
  const std::vector<at::Tensor> both = verified_all(
      signature_of("residual_norm", {x, y, closing.group}),
      [&] {
        cuda::residual_norm(kernel_rows(x), kernel_rows(y), first, second, group, small, next_small, kernel_rows(sum),
                            kernel_rows(normed), x.size(0), x.size(1), stream_of(x));
        return std::vector<at::Tensor>{sum, normed};
      },
      [&] {
        const ResidualNorm plain = residual_norm_reference(x, y, closing, eps, opening, next_eps, dtype);
        return std::vector<at::Tensor>{plain.sum, plain.normed};
      });
  return {both[0], both[1]};
}

}  // namespace svg
