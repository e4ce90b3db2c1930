// silu(gate) * up and its gradients. One thread an element; where rows are aligned, one for sixteen bytes.
#include "kernels/cuda/common.cuh"

namespace svg::cuda {
namespace {

constexpr int kThreads = 256;

template <typename T>
__global__ void swiglu_kernel(const T* gate, int64_t gate_stride, const T* up, int64_t up_stride, T* out,
                              int64_t out_stride, int64_t rows, int64_t dim) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= rows * dim) return;
  const int64_t row = index / dim;
  const int64_t column = index % dim;
  const float value = to_float(gate[row * gate_stride + column]);
  put(out + row * out_stride + column, value / (1.0f + __expf(-value)) * to_float(up[row * up_stride + column]));
}

// A block takes neighbouring packs of one row.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    swiglu_packs_kernel(const T* gate, int64_t gate_stride, const T* up, int64_t up_stride, T* out, int64_t out_stride,
                        int64_t blocks_a_row, int64_t dim) {
  constexpr int kPack = 16 / sizeof(T);
  const int64_t row = blockIdx.x / blocks_a_row;
  const int64_t column = kPack * ((blockIdx.x % blocks_a_row) * kThreads + threadIdx.x);
  if (column >= dim) return;
  float gates[kPack], ups[kPack];
  load(gate + row * gate_stride + column, gates);
  load(up + row * up_stride + column, ups);
#pragma unroll
  for (int i = 0; i < kPack; ++i) ups[i] *= gates[i] / (1.0f + __expf(-gates[i]));
  store(out + row * out_stride + column, ups);
}

template <typename T>
__global__ void swiglu_backward_kernel(const T* gate, int64_t gate_stride, const T* up, int64_t up_stride,
                                       const T* dout, int64_t dout_stride, T* dgate, int64_t dgate_stride, T* dup,
                                       int64_t dup_stride, int64_t rows, int64_t dim) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= rows * dim) return;
  const int64_t row = index / dim;
  const int64_t column = index % dim;
  const float value = to_float(gate[row * gate_stride + column]);
  const float slope = to_float(dout[row * dout_stride + column]);
  const float sigmoid = 1.0f / (1.0f + __expf(-value));
  put(dup + row * dup_stride + column, slope * value * sigmoid);
  put(dgate + row * dgate_stride + column,
      slope * to_float(up[row * up_stride + column]) * sigmoid * (1.0f + value * (1.0f - sigmoid)));
}

}  // namespace

void swiglu(Rows gate, Rows up, Rows out, int64_t rows, int64_t dim, void* stream) {
  if (rows * dim == 0) return;
  with_type(gate.type, [&](auto element) {
    using T = decltype(element);
    constexpr int64_t kPack = 16 / sizeof(T);
    if (dim % kPack == 0 && aligned_for(gate, kPack) && aligned_for(up, kPack) && aligned_for(out, kPack)) {
      const int64_t blocks_a_row = (dim / kPack + kThreads - 1) / kThreads;
      swiglu_packs_kernel<T><<<static_cast<unsigned>(rows * blocks_a_row), kThreads, 0, stream_of(stream)>>>(
          elements<T>(gate), gate.stride, elements<T>(up), up.stride, elements<T>(out), out.stride, blocks_a_row, dim);
      return;
    }
    const int64_t blocks = (rows * dim + kThreads - 1) / kThreads;
    swiglu_kernel<T><<<static_cast<unsigned>(blocks), kThreads, 0, stream_of(stream)>>>(
        elements<T>(gate), gate.stride, elements<T>(up), up.stride, elements<T>(out), out.stride, rows, dim);
  });
  check_launch("swiglu");
}

void swiglu_backward(Rows gate, Rows up, Rows dout, Rows dgate, Rows dup, int64_t rows, int64_t dim, void* stream) {
  if (rows * dim == 0) return;
  const int64_t blocks = (rows * dim + kThreads - 1) / kThreads;
  with_type(gate.type, [&](auto element) {
    using T = decltype(element);
    swiglu_backward_kernel<T><<<static_cast<unsigned>(blocks), kThreads, 0, stream_of(stream)>>>(
        elements<T>(gate), gate.stride, elements<T>(up), up.stride, elements<T>(dout), dout.stride, elements<T>(dgate),
        dgate.stride, elements<T>(dup), dup.stride, rows, dim);
  });
  check_launch("swiglu_backward");
}

}  // namespace svg::cuda
