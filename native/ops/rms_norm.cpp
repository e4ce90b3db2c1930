#include "ops/rms_norm.h"

namespace svg {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor scale = (wide.square().mean(-1, /*keepdim=*/true) + eps).rsqrt();
  return (wide * scale * weight.to(at::kFloat)).to(x.scalar_type());
}

}  // namespace svg
