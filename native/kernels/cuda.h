// Fused elementwise kernels of the GPU, on raw rows in device memory; the meaning is that of kernels/cpu.h.
// `stream` is a cudaStream_t. A launch that fails throws Error(kInternal); builds without CUDA throw
// Error(kDeviceUnavailable).
#pragma once

#include <cstdint>

#include "kernels/adamw.h"
#include "kernels/rows.h"

namespace svg::cuda {

bool built_with_cuda();

struct DeviceMemory {
  int64_t free = 0, total = 0;  // bytes; 0 where the driver does not tell
};
/// Of the thread's current device; what libtorch keeps for later does not count as free.
DeviceMemory device_memory();

void scaled_rms_norm(Rows x, const float* weight, const int32_t* group, float eps, Rows out, int64_t rows, int64_t dim,
                     void* stream);
void add_scaled_rms_norm(Rows x, Rows y, const float* weight, const int32_t* group, float eps, Rows out, int64_t rows,
                         int64_t dim, void* stream);
/// Rows of at most kMaxNormDim, a multiple of four, and aligned_for(4).
void residual_norm(Rows x, Rows y, const float* weight, const float* next, const int32_t* group, float eps,
                   float next_eps, Rows sum, Rows out, int64_t rows, int64_t dim, void* stream);
/// Heads of at most kMaxHeadDim, rows aligned_for(2).
void norm_rotate_heads(Rows x, HeadNorms norms, float eps, const float* cos, const float* sin, Rows out, int64_t rows,
                       int64_t heads, int64_t head_dim, void* stream);
void swiglu(Rows gate, Rows up, Rows out, int64_t rows, int64_t dim, void* stream);

/// Widest rows that residual_norm() and gradients take, and widest heads.
constexpr int64_t kMaxNormDim = 4096, kMaxHeadDim = 256;

/// Gradients of the rows, and of the weights added to `dweight` (groups, dim), whose sums end in any order.
void scaled_rms_norm_backward(Rows x, const float* weight, const int32_t* group, float eps, Rows dout, Rows dx,
                              float* dweight, int64_t rows, int64_t dim, void* stream);
/// The same of the heads; `dweight` (head_dim), null without `weight`.
void norm_rotate_heads_backward(Rows x, const float* weight, float eps, const float* cos, const float* sin, Rows dout,
                                Rows dx, float* dweight, int64_t rows, int64_t heads, int64_t head_dim, void* stream);
void swiglu_backward(Rows gate, Rows up, Rows dout, Rows dgate, Rows dup, int64_t rows, int64_t dim, void* stream);

/// The numbers of a step from the norm of its gradients, all in device memory; `steps` counts those that are applied.
void plan_adamw(const AdamWRule& rule, const double* norm, int64_t* steps, AdamWPlan* plan, void* stream);
/// The step, by a plan in device memory; `pieces` lie in the host's.
void adamw_update(const AdamWPlan* plan, const AdamWPiece* pieces, int64_t count, void* stream);

}  // namespace svg::cuda
