// Loads, stores, reductions and launch checks that the kernels share.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "core/error.h"
#include "kernels/cuda.h"

namespace svg::cuda {

constexpr int kWarp = 32;

__device__ inline float to_float(float value) { return value; }
__device__ inline float to_float(__nv_bfloat16 value) { return __bfloat162float(value); }
__device__ inline void put(float* place, float value) { *place = value; }
__device__ inline void put(__nv_bfloat16* place, float value) { *place = __float2bfloat16_rn(value); }

/// N neighbouring elements, read and written in one access where they are 4, 8 or 16 bytes.
template <typename T, int N>
struct alignas(sizeof(T) * N) Pack {
  T values[N];
};

template <int N, typename T>
__device__ inline void load(const T* place, float (&values)[N]) {
  const Pack<T, N> pack = *reinterpret_cast<const Pack<T, N>*>(place);
#pragma unroll
  for (int i = 0; i < N; ++i) values[i] = to_float(pack.values[i]);
}

template <int N, typename T>
__device__ inline void store(T* place, const float (&values)[N]) {
  Pack<T, N> pack;
#pragma unroll
  for (int i = 0; i < N; ++i) put(pack.values + i, values[i]);
  *reinterpret_cast<Pack<T, N>*>(place) = pack;
}

__device__ inline float warp_sum(float value) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
  return value;
}

/// Sum over the block, in every thread. Threads must be a multiple of kWarp.
__device__ inline float block_sum(float value) {
  __shared__ float parts[kWarp];
  const int lane = threadIdx.x % kWarp;
  const int warp = threadIdx.x / kWarp;
  value = warp_sum(value);
  __syncthreads();  // others may still read the parts of the sum before
  if (lane == 0) parts[warp] = value;
  __syncthreads();
  value = lane < static_cast<int>(blockDim.x) / kWarp ? parts[lane] : 0.0f;
  return warp_sum(value);
}

inline cudaStream_t stream_of(void* stream) { return static_cast<cudaStream_t>(stream); }

inline void check_launch(const char* op) {
  const cudaError_t error = cudaGetLastError();
  SVG_CHECK(error == cudaSuccess, ErrorCode::kInternal, "[", op, "] ", cudaGetErrorString(error));
}

/// Calls body with a value of the element type that `type` names.
template <typename Body>
void with_type(Real type, const Body& body) {
  if (type == Real::kFloat32) {
    body(float{});
  } else {
    body(__nv_bfloat16{});
  }
}

template <typename T>
T* elements(const Rows& rows) {
  return static_cast<T*>(rows.data);
}

}  // namespace svg::cuda
