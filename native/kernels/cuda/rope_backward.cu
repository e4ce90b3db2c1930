// Gradients of the heads' norm and rotation. A warp takes many heads and keeps their sum of the weight's gradient.
#include "kernels/cuda/common.cuh"

namespace svg::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr int kMostBlocks = 1024;
constexpr int kPairs = kMaxHeadDim / 2 / kWarp;  // of a lane

template <typename T>
__global__ void __launch_bounds__(kThreads)
    rotate_backward_kernel(const T* x, int64_t x_stride, const float* weight, float eps, const float* cos,
                           const float* sin, const T* dout, int64_t dout_stride, T* dx, int64_t dx_stride,
                           float* dweight, int64_t rows, int64_t heads, int64_t head_dim) {
  __shared__ float sums[kMaxHeadDim];
  if (weight) {
    for (int i = threadIdx.x; i < kMaxHeadDim; i += kThreads) sums[i] = 0.0f;
    __syncthreads();
  }
  const int lane = threadIdx.x % kWarp;
  const int64_t pairs = head_dim / 2;
  const float mean = 1.0f / static_cast<float>(head_dim);
  float even_sums[kPairs] = {}, odd_sums[kPairs] = {};
  const int64_t warps = static_cast<int64_t>(gridDim.x) * kWarps;
  for (int64_t index = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp; index < rows * heads;
       index += warps) {
    const int64_t row = index / heads;
    const int64_t offset = (index % heads) * head_dim;
    const T* in = x + row * x_stride + offset;
    const T* slope = dout + row * dout_stride + offset;
    T* out = dx + row * dx_stride + offset;
    float even_in[kPairs], odd_in[kPairs], even_back[kPairs], odd_back[kPairs];  // back: before the rotation
    float squares = 0.0f, dot = 0.0f;
#pragma unroll
    for (int k = 0; k < kPairs; ++k) {
      const int64_t i = lane + k * kWarp;
      if (i >= pairs) continue;
      const float c = cos[row * pairs + i];
      const float s = sin[row * pairs + i];
      const float even = to_float(slope[2 * i]);
      const float odd = to_float(slope[2 * i + 1]);
      even_back[k] = even * c + odd * s;
      odd_back[k] = odd * c - even * s;
      if (!weight) continue;
      even_in[k] = to_float(in[2 * i]);
      odd_in[k] = to_float(in[2 * i + 1]);
      squares += even_in[k] * even_in[k] + odd_in[k] * odd_in[k];
      dot += even_in[k] * even_back[k] * weight[2 * i] + odd_in[k] * odd_back[k] * weight[2 * i + 1];
    }
    const float scale = weight ? rsqrtf(warp_sum(squares) * mean + eps) : 1.0f;
    const float pull = weight ? warp_sum(dot) * mean * scale * scale : 0.0f;
#pragma unroll
    for (int k = 0; k < kPairs; ++k) {
      const int64_t i = lane + k * kWarp;
      if (i >= pairs) continue;
      if (!weight) {
        put(out + 2 * i, even_back[k]);
        put(out + 2 * i + 1, odd_back[k]);
        continue;
      }
      even_sums[k] += even_back[k] * even_in[k] * scale;
      odd_sums[k] += odd_back[k] * odd_in[k] * scale;
      put(out + 2 * i, scale * (even_back[k] * weight[2 * i] - even_in[k] * pull));
      put(out + 2 * i + 1, scale * (odd_back[k] * weight[2 * i + 1] - odd_in[k] * pull));
    }
  }
  if (!weight) return;
#pragma unroll
  for (int k = 0; k < kPairs; ++k) {
    const int64_t i = lane + k * kWarp;
    if (i >= pairs) continue;
    atomicAdd(sums + 2 * i, even_sums[k]);
    atomicAdd(sums + 2 * i + 1, odd_sums[k]);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < head_dim; i += kThreads) atomicAdd(dweight + i, sums[i]);
}

}  // namespace

void norm_rotate_heads_backward(Rows x, const float* weight, float eps, const float* cos, const float* sin, Rows dout,
                                Rows dx, float* dweight, int64_t rows, int64_t heads, int64_t head_dim, void* stream) {
  if (rows == 0) return;
  const int64_t wanted = (rows * heads + kWarps - 1) / kWarps;
  const int64_t blocks = wanted < kMostBlocks ? wanted : kMostBlocks;
  with_type(x.type, [&](auto element) {
    using T = decltype(element);
    rotate_backward_kernel<T><<<static_cast<unsigned>(blocks), kThreads, 0, stream_of(stream)>>>(
        elements<T>(x), x.stride, weight, eps, cos, sin, elements<T>(dout), dout.stride, elements<T>(dx), dx.stride,
        dweight, rows, heads, head_dim);
  });
  check_launch("norm_rotate_heads_backward");
}

}  // namespace svg::cuda
