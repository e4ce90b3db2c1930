#include "ops/fused.h"

#include <c10/core/GradMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace svg {

bool records_grad(std::initializer_list<at::Tensor> tensors) {
  if (!c10::GradMode::is_enabled()) return false;
  for (const at::Tensor& tensor : tensors) {
    if (tensor.defined() && tensor.requires_grad()) return true;
  }
  return false;
}

bool fits_kernel(const at::Tensor& tensor) {
  const bool type = tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16;
  const bool place = tensor.is_cpu() || tensor.is_meta() || (tensor.is_cuda() && cuda::built_with_cuda());
  return type && place && tensor.dim() > 0 && (tensor.size(-1) <= 1 || tensor.stride(-1) == 1);
}

bool fits_parameter(const at::Tensor& tensor) {
  return !tensor.defined() || (tensor.scalar_type() == at::kFloat && tensor.is_contiguous());
}

Rows kernel_rows(const at::Tensor& tensor) {
  const Real type = tensor.scalar_type() == at::kFloat ? Real::kFloat32 : Real::kBFloat16;
  return {tensor.data_ptr(), type, tensor.dim() > 1 ? tensor.stride(0) : tensor.size(-1)};
}

std::string signature_of(const char* name, std::initializer_list<at::Tensor> tensors) {
  std::string signature = name;
  for (const at::Tensor& tensor : tensors) {
    signature += tensor.defined() ? " " + std::string(at::toString(tensor.scalar_type())) : " none";
    // An index has no width: its last size is the number of rows, and each number would be a signature of its own.
    const bool wide = tensor.defined() && tensor.dim() > 0 && at::isFloatingType(tensor.scalar_type());
    if (wide) signature += " " + std::to_string(tensor.size(-1));
  }
  return signature;
}

void* stream_of(const at::Tensor& tensor) {
  const c10::impl::VirtualGuardImpl guard(tensor.device().type());
  return guard.getStream(tensor.device()).native_handle();
}

}  // namespace svg
