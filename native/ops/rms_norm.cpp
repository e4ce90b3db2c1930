#include "ops/rms_norm.h"

#include "ops/fused.h"

namespace svg {

at::Tensor rms_norm_reference(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor scale = (wide.square().mean(-1, /*keepdim=*/true) + eps).rsqrt();
  return (wide * scale * weight.to(at::kFloat)).to(x.scalar_type());
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const bool fits = x.is_cpu() && plain_rows(x) && x.is_contiguous() && weight.scalar_type() == at::kFloat &&
                    weight.is_contiguous() && weight.numel() == x.size(-1);
  if (fits && !records_grad({x, weight})) {
    const at::Tensor out = at::empty_like(x);
    const int64_t dim = x.size(-1);
    const at::Tensor rows = out.view({-1, dim});
    cpu::scaled_rms_norm(cpu_rows(x.view({-1, dim})), weight.const_data_ptr<float>(), nullptr,
                         static_cast<float>(eps), cpu_rows(rows), rows.size(0), dim);
    return out;
  }
  return rms_norm_reference(x, weight, eps);
}

}  // namespace svg
