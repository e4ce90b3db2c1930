#include "ops/swiglu.h"

#include "ops/fused.h"
#include "ops/verified.h"

namespace svg {

at::Tensor swiglu_reference(const at::Tensor& gate, const at::Tensor& up) {
  return (at::silu(gate.to(at::kFloat)) * up.to(at::kFloat)).to(gate.scalar_type());
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  const bool fits = gate.sizes() == up.sizes() && gate.scalar_type() == up.scalar_type() && fits_kernel(gate) &&
                    gate.is_contiguous() && up.is_contiguous();
  if (!fits || records_grad({gate, up})) return swiglu_reference(gate, up);
  const at::Tensor out = at::empty_like(gate);
  const int64_t dim = gate.size(-1);
  const at::Tensor gate_rows = gate.view({-1, dim});
  const at::Tensor up_rows = up.view({-1, dim});
  const at::Tensor out_rows = out.view({-1, dim});
  if (gate.is_cpu()) {
    cpu::swiglu(kernel_rows(gate_rows), kernel_rows(up_rows), kernel_rows(out_rows), out_rows.size(0), dim);
    return out;
  }
  return verified(
      signature_of("swiglu", {gate}),
      [&] {
        cuda::swiglu(kernel_rows(gate_rows), kernel_rows(up_rows), kernel_rows(out_rows), out_rows.size(0), dim,
                     stream_of(gate));
        return out;
      },
      [&] { return swiglu_reference(gate, up); });
}

}  // namespace svg
