// Gradients of the norms with a weight per row: y = x s w with s = 1 / rms(x) has dw = dy x s and
// dx = s (dy w - x s^2 mean(dy w x)). A block takes some neighbouring rows and keeps their dw in registers, since
// neighbours mostly share their weights.
#include "kernels/cuda/common.cuh"

namespace svg::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kRowsPerBlock = 8;
constexpr int kColumns = kMaxNormDim / kThreads;  // of a thread

template <typename X, typename O>
__global__ void __launch_bounds__(kThreads)
    norm_backward_kernel(const X* x, int64_t x_stride, const float* weight, const int32_t* group, float eps,
                         const O* dout, int64_t dout_stride, X* dx, int64_t dx_stride, float* dweight, int64_t rows,
                         int64_t dim) {
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * kRowsPerBlock;
  const int64_t end = begin + kRowsPerBlock < rows ? begin + kRowsPerBlock : rows;
  const float mean = 1.0f / static_cast<float>(dim);
  float sums[kColumns] = {};
  int64_t summed = group ? group[begin] : 0;
  const auto flush = [&] {
#pragma unroll
    for (int k = 0; k < kColumns; ++k) {
      const int64_t i = threadIdx.x + k * kThreads;
      if (i < dim) atomicAdd(dweight + summed * dim + i, sums[k]);
      sums[k] = 0.0f;
    }
  };
  for (int64_t row = begin; row < end; ++row) {
    const int64_t own = group ? group[row] : 0;
    if (own != summed) {
      flush();
      summed = own;
    }
    const X* in = x + row * x_stride;
    const O* slope = dout + row * dout_stride;
    const float* w = weight + own * dim;
    float values[kColumns], slopes[kColumns];
    float squares = 0.0f, dot = 0.0f;
#pragma unroll
    for (int k = 0; k < kColumns; ++k) {
      const int64_t i = threadIdx.x + k * kThreads;
      if (i >= dim) continue;
      values[k] = to_float(in[i]);
      slopes[k] = to_float(slope[i]);
      squares += values[k] * values[k];
      dot += values[k] * slopes[k] * w[i];
    }
    squares = block_sum(squares);
    dot = block_sum(dot);
    const float scale = rsqrtf(squares * mean + eps);
    const float pull = dot * mean * scale * scale;
    X* out = dx + row * dx_stride;
#pragma unroll
    for (int k = 0; k < kColumns; ++k) {
      const int64_t i = threadIdx.x + k * kThreads;
      if (i >= dim) continue;
      sums[k] += slopes[k] * values[k] * scale;
      put(out + i, scale * (slopes[k] * w[i] - values[k] * pull));
    }
  }
  flush();
}

}  // namespace

void scaled_rms_norm_backward(Rows x, const float* weight, const int32_t* group, float eps, Rows dout, Rows dx,
                              float* dweight, int64_t rows, int64_t dim, void* stream) {
  if (rows == 0) return;
  const int64_t blocks = (rows + kRowsPerBlock - 1) / kRowsPerBlock;
  with_type(x.type, [&](auto in) {
    with_type(dout.type, [&](auto slope) {
      using X = decltype(in);
      using O = decltype(slope);
      norm_backward_kernel<X, O><<<static_cast<unsigned>(blocks), kThreads, 0, stream_of(stream)>>>(
          elements<X>(x), x.stride, weight, group, eps, elements<O>(dout), dout.stride, elements<X>(dx), dx.stride,
          dweight, rows, dim);
    });
  });
  check_launch("scaled_rms_norm_backward");
}

}  // namespace svg::cuda
