// Norm of every head and rotation of its interleaved pairs. One warp a head.
#include "kernels/cuda/common.cuh"

namespace svg::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kHeadsPerBlock = kThreads / kWarp;
constexpr int kPairs = kMaxHeadDim / 2 / kWarp;  // of a lane

template <typename T>
__global__ void __launch_bounds__(kThreads)
    rotate_kernel(const T* x, int64_t x_stride, HeadNorms norms, float eps, const float* cos, const float* sin, T* out,
                  int64_t out_stride, int64_t rows, int64_t heads, int64_t head_dim) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kHeadsPerBlock + threadIdx.x / kWarp;
  if (index >= rows * heads) return;  // whole warps leave together
  const int64_t row = index / heads;
  const int64_t head = index % heads;
  const float* weight = head < norms.split ? norms.first : norms.second;
  const int lane = threadIdx.x % kWarp;
  const int64_t pairs = head_dim / 2;
  const T* in = x + row * x_stride + head * head_dim;
  T* o = out + row * out_stride + head * head_dim;
  float values[kPairs][2];
  float squares = 0.0f;
#pragma unroll
  for (int k = 0; k < kPairs; ++k) {
    const int64_t i = lane + k * kWarp;
    if (i >= pairs) continue;
    load(in + 2 * i, values[k]);
    squares += values[k][0] * values[k][0] + values[k][1] * values[k][1];
  }
  const float scale = weight ? rsqrtf(warp_sum(squares) / static_cast<float>(head_dim) + eps) : 1.0f;
#pragma unroll
  for (int k = 0; k < kPairs; ++k) {
    const int64_t i = lane + k * kWarp;
    if (i >= pairs) continue;
    const float even = values[k][0] * scale * (weight ? weight[2 * i] : 1.0f);
    const float odd = values[k][1] * scale * (weight ? weight[2 * i + 1] : 1.0f);
    const float c = cos[row * pairs + i];
    const float s = sin[row * pairs + i];
    const float rotated[2] = {even * c - odd * s, even * s + odd * c};
    store(o + 2 * i, rotated);
  }
}

}  // namespace

void norm_rotate_heads(Rows x, HeadNorms norms, float eps, const float* cos, const float* sin, Rows out, int64_t rows,
                       int64_t heads, int64_t head_dim, void* stream) {
  if (rows * heads == 0) return;
  SVG_CHECK(head_dim <= kMaxHeadDim && aligned_for(x, 2) && aligned_for(out, 2), ErrorCode::kInternal,
            "[norm_rotate_heads] heads of ", head_dim, " that are not read in pairs");
  const int64_t blocks = (rows * heads + kHeadsPerBlock - 1) / kHeadsPerBlock;
  with_type(x.type, [&](auto element) {
    using T = decltype(element);
    rotate_kernel<T><<<static_cast<unsigned>(blocks), kThreads, 0, stream_of(stream)>>>(
        elements<T>(x), x.stride, norms, eps, cos, sin, elements<T>(out), out.stride, rows, heads, head_dim);
  });
  check_launch("norm_rotate_heads");
}

}  // namespace svg::cuda
