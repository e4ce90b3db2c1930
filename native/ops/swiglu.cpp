#include "ops/swiglu.h"

#include <torch/csrc/autograd/custom_function.h>

#include "ops/fused.h"
#include "ops/verified.h"

namespace svg {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Rows flat_rows(const at::Tensor& x) { return kernel_rows(x.view({-1, x.size(-1)})); }

at::Tensor on_cpu(const at::Tensor& gate, const at::Tensor& up) {
  const at::Tensor out = at::empty_like(gate);
  const int64_t dim = gate.size(-1);
  if (dim > 0) cpu::swiglu(flat_rows(gate), flat_rows(up), flat_rows(out), gate.numel() / dim, dim);
  return out;
}

struct SwigluOnCpu : torch::autograd::Function<SwigluOnCpu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate, const at::Tensor& up) {
    context->save_for_backward({gate, up});
    return on_cpu(gate, up);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor dgate = at::empty_like(saved[0]);
    const at::Tensor dup = at::empty_like(saved[1]);
    const int64_t dim = dgate.size(-1);
    if (dim > 0) {
      cpu::swiglu_backward(flat_rows(saved[0]), flat_rows(saved[1]), flat_rows(gradients[0].contiguous()),
                           flat_rows(dgate), flat_rows(dup), dgate.numel() / dim, dim);
    }
    return {dgate, dup};
  }
};

}  // namespace

at::Tensor swiglu_reference(const at::Tensor& gate, const at::Tensor& up) {
  return (at::silu(gate.to(at::kFloat)) * up.to(at::kFloat)).to(gate.scalar_type());
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  const bool fits = gate.sizes() == up.sizes() && gate.scalar_type() == up.scalar_type() && fits_kernel(gate) &&
                    gate.is_contiguous() && up.is_contiguous();
  if (fits && gate.is_cpu()) return records_grad({gate, up}) ? SwigluOnCpu::apply(gate, up) : on_cpu(gate, up);
  if (!fits || records_grad({gate, up})) return swiglu_reference(gate, up);
  return verified(
      signature_of("swiglu", {gate}),
      [&] {
        const at::Tensor out = at::empty_like(gate);
        const int64_t dim = gate.size(-1);
        cuda::swiglu(flat_rows(gate), flat_rows(up), flat_rows(out), gate.numel() / dim, dim, stream_of(gate));
        return out;
      },
      [&] { return swiglu_reference(gate, up); });
}

}  // namespace svg
