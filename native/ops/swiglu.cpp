#include "ops/swiglu.h"

#include "ops/fused.h"

namespace svg {

at::Tensor swiglu_reference(const at::Tensor& gate, const at::Tensor& up) {
  return (at::silu(gate.to(at::kFloat)) * up.to(at::kFloat)).to(gate.scalar_type());
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  const bool fits = gate.is_cpu() && gate.sizes() == up.sizes() && gate.scalar_type() == up.scalar_type() &&
                    plain_rows(gate) && gate.is_contiguous() && up.is_contiguous();
  if (fits && !records_grad({gate, up})) {
    const at::Tensor out = at::empty_like(gate);
    const int64_t dim = gate.size(-1);
    const at::Tensor rows = out.view({-1, dim});
    cpu::swiglu(cpu_rows(gate.view({-1, dim})), cpu_rows(up.view({-1, dim})), cpu_rows(rows), rows.size(0), dim);
    return out;
  }
  return swiglu_reference(gate, up);
}

}  // namespace svg
