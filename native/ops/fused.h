// When a fused kernel may stand in for the ATen operations, and how tensors are handed to it.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "kernels/cpu.h"

namespace svg {

/// Autograd would have to see inside.
inline bool records_grad(std::initializer_list<at::Tensor> tensors) {
  if (!c10::GradMode::is_enabled()) return false;
  for (const at::Tensor& tensor : tensors) {
    if (tensor.defined() && tensor.requires_grad()) return true;
  }
  return false;
}

/// fp32 or bf16 with contiguous elements inside a row.
inline bool plain_rows(const at::Tensor& tensor) {
  return (tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16) && tensor.dim() > 0 &&
         (tensor.size(-1) <= 1 || tensor.stride(-1) == 1);
}

inline cpu::Rows cpu_rows(const at::Tensor& tensor) {
  const auto type = tensor.scalar_type() == at::kFloat ? cpu::Real::kFloat32 : cpu::Real::kBFloat16;
  return {tensor.data_ptr(), type, tensor.dim() > 1 ? tensor.stride(0) : tensor.size(-1)};
}

}  // namespace svg
