// Root-mean-square norms with a weight per row, alone and added to the residual stream. One block a row.
#include "kernels/cuda/common.cuh"

namespace svg::cuda {
namespace {

constexpr int kThreads = 256;

template <typename X>
__device__ float inverse_rms(const X* x, int64_t dim, float eps) {
  float sum = 0.0f;
  for (int64_t i = threadIdx.x; i < dim; i += kThreads) {
    const float value = to_float(x[i]);
    sum += value * value;
  }
  return rsqrtf(block_sum(sum) / static_cast<float>(dim) + eps);
}

template <typename X, typename O>
__global__ void norm_kernel(const X* x, int64_t x_stride, const float* weight, const int32_t* group, float eps, O* out,
                            int64_t out_stride, int64_t dim) {
  const int64_t row = blockIdx.x;
  const X* in = x + row * x_stride;
  const float* w = weight + (group ? group[row] * dim : 0);
  O* o = out + row * out_stride;
  const float scale = inverse_rms(in, dim, eps);
  for (int64_t i = threadIdx.x; i < dim; i += kThreads) put(o + i, to_float(in[i]) * scale * w[i]);
}

template <typename X, typename Y>
__global__ void add_norm_kernel(const X* x, int64_t x_stride, const Y* y, int64_t y_stride, const float* weight,
                                const int32_t* group, float eps, X* out, int64_t out_stride, int64_t dim) {
  const int64_t row = blockIdx.x;
  const X* base = x + row * x_stride;
  const Y* branch = y + row * y_stride;
  const float* w = weight + (group ? group[row] * dim : 0);
  X* o = out + row * out_stride;
  const float scale = inverse_rms(branch, dim, eps);
  for (int64_t i = threadIdx.x; i < dim; i += kThreads) {
    put(o + i, to_float(base[i]) + to_float(branch[i]) * scale * w[i]);
  }
}

}  // namespace

bool built_with_cuda() { return true; }

void scaled_rms_norm(Rows x, const float* weight, const int32_t* group, float eps, Rows out, int64_t rows, int64_t dim,
                     void* stream) {
  if (rows == 0) return;
  with_type(x.type, [&](auto in) {
    with_type(out.type, [&](auto to) {
      using X = decltype(in);
      using O = decltype(to);
      norm_kernel<X, O><<<static_cast<unsigned>(rows), kThreads, 0, stream_of(stream)>>>(
          elements<X>(x), x.stride, weight, group, eps, elements<O>(out), out.stride, dim);
    });
  });
  check_launch("scaled_rms_norm");
}

void add_scaled_rms_norm(Rows x, Rows y, const float* weight, const int32_t* group, float eps, Rows out, int64_t rows,
                         int64_t dim, void* stream) {
  if (rows == 0) return;
  with_type(x.type, [&](auto base) {
    with_type(y.type, [&](auto branch) {
      using X = decltype(base);
      using Y = decltype(branch);
      add_norm_kernel<X, Y><<<static_cast<unsigned>(rows), kThreads, 0, stream_of(stream)>>>(
          elements<X>(x), x.stride, elements<Y>(y), y.stride, weight, group, eps, elements<X>(out), out.stride, dim);
    });
  });
  check_launch("add_scaled_rms_norm");
}

}  // namespace svg::cuda
