// When a fused kernel may stand in for the ATen operations, and how tensors are handed to it.
#pragma once

#include <ATen/ATen.h>

#include <initializer_list>
#include <string>

#include "kernels/cpu.h"
#include "kernels/cuda.h"

namespace svg {

/// Autograd would have to see inside.
bool records_grad(std::initializer_list<at::Tensor> tensors);

/// fp32 or bf16 with contiguous elements inside a row, on the CPU or on a GPU that this build has kernels for; meta
/// tensors stand for one that has them (ops/counted.h).
bool fits_kernel(const at::Tensor& tensor);

/// An optional fp32 parameter as the kernels read it.
bool fits_parameter(const at::Tensor& tensor);

Rows kernel_rows(const at::Tensor& tensor);

/// "name Float 2304 BFloat16 2304 Int": the types of the tensors and, but for indices, their last widths; never rows.
std::string signature_of(const char* name, std::initializer_list<at::Tensor> tensors);

/// The current stream of the tensor's GPU, a cudaStream_t.
void* stream_of(const at::Tensor& tensor);

}  // namespace svg
