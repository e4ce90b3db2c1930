#include "ops/swiglu.h"

#include <torch/csrc/autograd/custom_function.h>

#include "ops/counted.h"
#include "ops/fused.h"
#include "ops/verified.h"
#include "ops/verified_gradients.h"

namespace svg {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool has_rows(const at::Tensor& x) { return x.is_contiguous() || (x.dim() == 2 && x.stride(1) == 1); }

Rows flat_rows(const at::Tensor& x) { return kernel_rows(x.view({-1, x.size(-1)})); }

at::Tensor fused(const at::Tensor& gate, const at::Tensor& up) {
  const at::Tensor out = at::empty(gate.sizes(), gate.options());
  const int64_t dim = gate.size(-1);
  if (gate.numel() == 0) return out;
  const int64_t rows = gate.numel() / dim;
  if (counted("swiglu", {gate, up}, {out})) return out;
  if (gate.is_cpu()) {
    cpu::swiglu(flat_rows(gate), flat_rows(up), flat_rows(out), rows, dim);
    return out;
  }
  return verified(
      signature_of("swiglu", {gate}),
      [&] {
        cuda::swiglu(flat_rows(gate), flat_rows(up), flat_rows(out), rows, dim, stream_of(gate));
        return out;
      },
      [&] { return swiglu_reference(gate, up); });
}

struct Swiglu : torch::autograd::Function<Swiglu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate, const at::Tensor& up) {
    context->save_for_backward({gate, up});
    return fused(gate, up);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& gate = saved[0];
    const at::Tensor dout = gradients[0].contiguous();
    const at::Tensor dgate = at::empty(gate.sizes(), gate.options());
    const at::Tensor dup = at::empty(gate.sizes(), gate.options());
    if (gate.numel() == 0) return {dgate, dup};
    if (counted("swiglu_backward", {gate, saved[1], dout}, {dgate, dup})) return {dgate, dup};
    const int64_t dim = gate.size(-1), rows = gate.numel() / dim;
    if (gate.is_cpu()) {
      cpu::swiglu_backward(flat_rows(gate), flat_rows(saved[1]), flat_rows(dout), flat_rows(dgate), flat_rows(dup),
                           rows, dim);
      return {dgate, dup};
    }
    return verified_gradients(
        signature_of("swiglu_backward", {gate}),
        [&] {
          cuda::swiglu_backward(flat_rows(gate), flat_rows(saved[1]), flat_rows(dout), flat_rows(dgate), flat_rows(dup),
                                rows, dim, stream_of(gate));
          return variable_list{dgate, dup};
        },
        [](const variable_list& inputs) { return swiglu_reference(inputs[0], inputs[1]); }, saved, dout);
  }
};

}  // namespace

at::Tensor swiglu_reference(const at::Tensor& gate, const at::Tensor& up) {
  return (at::silu(gate.to(at::kFloat)) * up.to(at::kFloat)).to(gate.scalar_type());
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  const bool fits = gate.sizes() == up.sizes() && gate.scalar_type() == up.scalar_type() && fits_kernel(gate) &&
                    has_rows(gate) && has_rows(up);
  if (!fits) return swiglu_reference(gate, up);
  return records_grad({gate, up}) ? Swiglu::apply(gate, up) : fused(gate, up);
}

}  // namespace svg
