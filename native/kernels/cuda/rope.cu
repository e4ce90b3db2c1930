// Norm of every head and rotation of its interleaved pairs. One warp a head.
#include "kernels/cuda/common.cuh"

namespace svg::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kHeadsPerBlock = kThreads / kWarp;

template <typename T>
__global__ void rotate_kernel(const T* x, int64_t x_stride, const float* weight, float eps, const float* cos,
                              const float* sin, T* out, int64_t out_stride, int64_t rows, int64_t heads,
                              int64_t head_dim) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kHeadsPerBlock + threadIdx.x / kWarp;
  if (index >= rows * heads) return;  // whole warps leave together
  const int64_t row = index / heads;
  const int64_t head = index % heads;
  const int lane = threadIdx.x % kWarp;
  const int64_t pairs = head_dim / 2;
  const T* in = x + row * x_stride + head * head_dim;
  T* o = out + row * out_stride + head * head_dim;
  float scale = 1.0f;
  if (weight) {
    float sum = 0.0f;
    for (int64_t i = lane; i < head_dim; i += kWarp) {
      const float value = to_float(in[i]);
      sum += value * value;
    }
    scale = rsqrtf(warp_sum(sum) / static_cast<float>(head_dim) + eps);
  }
  for (int64_t i = lane; i < pairs; i += kWarp) {
    const float even = to_float(in[2 * i]) * scale * (weight ? weight[2 * i] : 1.0f);
    const float odd = to_float(in[2 * i + 1]) * scale * (weight ? weight[2 * i + 1] : 1.0f);
    const float c = cos[row * pairs + i];
    const float s = sin[row * pairs + i];
    put(o + 2 * i, even * c - odd * s);
    put(o + 2 * i + 1, even * s + odd * c);
  }
}

}  // namespace

void norm_rotate_heads(Rows x, const float* weight, float eps, const float* cos, const float* sin, Rows out,
                       int64_t rows, int64_t heads, int64_t head_dim, void* stream) {
  if (rows == 0) return;
  const int64_t blocks = (rows * heads + kHeadsPerBlock - 1) / kHeadsPerBlock;
  with_type(x.type, [&](auto element) {
    using T = decltype(element);
    rotate_kernel<T><<<static_cast<unsigned>(blocks), kThreads, 0, stream_of(stream)>>>(
        elements<T>(x), x.stride, weight, eps, cos, sin, elements<T>(out), out.stride, rows, heads, head_dim);
  });
  check_launch("norm_rotate_heads");
}

}  // namespace svg::cuda
