#include "ops/rotate_halves.h"

#include "kernels/rotate_halves.h"
#include "ops/fused.h"

namespace svg {
namespace {

/// (.., D): the halves (a, b) become (-b, a).
at::Tensor rotate_half(const at::Tensor& x) {
  const std::vector<at::Tensor> halves = x.chunk(2, -1);
  return at::cat({-halves[1], halves[0]}, -1);
}

}  // namespace

at::Tensor rotate_halves_reference(const at::Tensor& heads, const at::Tensor& cos, const at::Tensor& sin,
                                   int64_t prefix) {
  const at::Tensor rotated = heads.slice(1, prefix).to(at::kFloat);
  const at::Tensor turned = rotated * cos.unsqueeze(1) + rotate_half(rotated) * sin.unsqueeze(1);
  return at::cat({heads.slice(1, 0, prefix), turned.to(heads.scalar_type())}, 1);
}

at::Tensor rotate_halves(const at::Tensor& heads, const at::Tensor& cos, const at::Tensor& sin, int64_t prefix) {
  const bool fits = heads.is_cpu() && heads.numel() > 0 && fits_kernel(heads) && heads.size(3) % 2 == 0 &&
                    heads.stride(2) == heads.size(3) && fits_parameter(cos) && fits_parameter(sin);
  if (!fits || records_grad({heads, cos, sin})) return rotate_halves_reference(heads, cos, sin, prefix);
  const at::Tensor out = at::empty(heads.sizes(), heads.options());
  for (int64_t b = 0; b < heads.size(0); ++b) {
    out[b].slice(0, 0, prefix).copy_(heads[b].slice(0, 0, prefix));
    const at::Tensor from = heads[b].slice(0, prefix), to = out[b].slice(0, prefix);
    cpu::rotate_halves(kernel_rows(from), cos.const_data_ptr<float>(), sin.const_data_ptr<float>(), kernel_rows(to),
                       from.size(0), from.size(1), from.size(2));
  }
  return out;
}

}  // namespace svg
