#include "ops/rms_norm.h"

#include "ops/modulate.h"

namespace svg {

at::Tensor rms_norm_reference(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor scale = (wide.square().mean(-1, /*keepdim=*/true) + eps).rsqrt();
  return (wide * scale * weight.to(at::kFloat)).to(x.scalar_type());
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  if (!x.is_contiguous() || weight.dim() != 1 || weight.numel() != x.size(-1))
    return rms_norm_reference(x, weight, eps);
  const RowWeights rows{weight.to(at::kFloat).unsqueeze(0), {}};
  return scaled_rms_norm(x.view({-1, x.size(-1)}), rows, eps, x.scalar_type()).view(x.sizes());
}

}  // namespace svg
