// Root-mean-square norms with a weight per row, alone and added to the residual stream. One block a row.
#include "kernels/cuda/common.cuh"

namespace svg::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kColumns = 4;                                  // of a thread, side by side
constexpr int kTurns = kMaxNormDim / (kThreads * kColumns);  // of a thread over a row that stays in registers

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

// A row in the registers of its block: `body(turn, column)` for each of a thread's fours.
template <typename Body>
__device__ void for_fours(int64_t dim, const Body& body) {
#pragma unroll
  for (int turn = 0; turn < kTurns; ++turn) {
    const int64_t column = kColumns * (threadIdx.x + static_cast<int64_t>(turn) * kThreads);
    if (column < dim) body(turn, column);
  }
}

__device__ float sum_of_squares(const float (&values)[kColumns]) {
  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < kColumns; ++i) sum += values[i] * values[i];
  return sum;
}

template <typename X, typename O>
__global__ void __launch_bounds__(kThreads)
    norm_fours_kernel(const X* x, int64_t x_stride, const float* weight, const int32_t* group, float eps, O* out,
                      int64_t out_stride, int64_t dim) {
  const int64_t row = blockIdx.x;
  const float* w = weight + (group ? group[row] * dim : 0);
  float values[kTurns][kColumns];
  float squares = 0.0f;
  for_fours(dim, [&](int turn, int64_t column) {
    load(x + row * x_stride + column, values[turn]);
    squares += sum_of_squares(values[turn]);
  });
  const float scale = rsqrtf(block_sum(squares) / static_cast<float>(dim) + eps);
  for_fours(dim, [&](int turn, int64_t column) {
    float weights[kColumns];
    load(w + column, weights);
#pragma unroll
    for (int i = 0; i < kColumns; ++i) values[turn][i] *= scale * weights[i];
    store(out + row * out_stride + column, values[turn]);
  });
}

// `next`: the norm of what is written, into `out`; null: none.
template <typename X, typename Y>
__global__ void __launch_bounds__(kThreads)
    add_norm_fours_kernel(const X* x, int64_t x_stride, const Y* y, int64_t y_stride, const float* weight,
                          const float* next, const int32_t* group, float eps, float next_eps, X* sum,
                          int64_t sum_stride, Y* out, int64_t out_stride, int64_t dim) {
  const int64_t row = blockIdx.x;
  const int64_t own = group ? group[row] * dim : 0;
  const float mean = 1.0f / static_cast<float>(dim);
  float values[kTurns][kColumns];
  float squares = 0.0f;
  for_fours(dim, [&](int turn, int64_t column) {
    load(y + row * y_stride + column, values[turn]);
    squares += sum_of_squares(values[turn]);
  });
  const float scale = rsqrtf(block_sum(squares) * mean + eps);
  squares = 0.0f;
  for_fours(dim, [&](int turn, int64_t column) {
    float base[kColumns], weights[kColumns];
    load(x + row * x_stride + column, base);
    load(weight + own + column, weights);
#pragma unroll
    for (int i = 0; i < kColumns; ++i) {
      X rounded;
      put(&rounded, base[i] + values[turn][i] * scale * weights[i]);
      values[turn][i] = to_float(rounded);
    }
    store(sum + row * sum_stride + column, values[turn]);
    squares += sum_of_squares(values[turn]);
  });
  if (!next) return;
  const float next_scale = rsqrtf(block_sum(squares) * mean + next_eps);
  for_fours(dim, [&](int turn, int64_t column) {
    float weights[kColumns];
    load(next + own + column, weights);
#pragma unroll
    for (int i = 0; i < kColumns; ++i) values[turn][i] *= next_scale * weights[i];
    store(out + row * out_stride + column, values[turn]);
  });
}

bool weights_fit(const float* weight, int64_t dim) {
  return dim <= kMaxNormDim && dim % kColumns == 0 && reinterpret_cast<uintptr_t>(weight) % sizeof(float4) == 0;
}

}  // namespace

bool built_with_cuda() { return true; }

void scaled_rms_norm(Rows x, const float* weight, const int32_t* group, float eps, Rows out, int64_t rows, int64_t dim,
                     void* stream) {
  if (rows == 0) return;
  const bool fours = weights_fit(weight, dim) && aligned_for(x, kColumns) && aligned_for(out, kColumns);
  with_type(x.type, [&](auto in) {
    with_type(out.type, [&](auto to) {
      using X = decltype(in);
      using O = decltype(to);
      const auto kernel = fours ? norm_fours_kernel<X, O> : norm_kernel<X, O>;
      kernel<<<static_cast<unsigned>(rows), kThreads, 0, stream_of(stream)>>>(elements<X>(x), x.stride, weight, group,
                                                                              eps, elements<O>(out), out.stride, dim);
    });
  });
  check_launch("scaled_rms_norm");
}

void add_scaled_rms_norm(Rows x, Rows y, const float* weight, const int32_t* group, float eps, Rows out, int64_t rows,
                         int64_t dim, void* stream) {
  if (rows == 0) return;
  const bool fours =
      weights_fit(weight, dim) && aligned_for(x, kColumns) && aligned_for(y, kColumns) && aligned_for(out, kColumns);
  with_type(x.type, [&](auto base) {
    with_type(y.type, [&](auto branch) {
      using X = decltype(base);
      using Y = decltype(branch);
      const auto blocks = static_cast<unsigned>(rows);
      if (fours) {
        add_norm_fours_kernel<X, Y><<<blocks, kThreads, 0, stream_of(stream)>>>(
            elements<X>(x), x.stride, elements<Y>(y), y.stride, weight, nullptr, group, eps, 0.0f, elements<X>(out),
            out.stride, nullptr, 0, dim);
      } else {
        add_norm_kernel<X, Y><<<blocks, kThreads, 0, stream_of(stream)>>>(
            elements<X>(x), x.stride, elements<Y>(y), y.stride, weight, group, eps, elements<X>(out), out.stride, dim);
      }
    });
  });
  check_launch("add_scaled_rms_norm");
}

void residual_norm(Rows x, Rows y, const float* weight, const float* next, const int32_t* group, float eps,
                   float next_eps, Rows sum, Rows out, int64_t rows, int64_t dim, void* stream) {
  SVG_CHECK(weights_fit(weight, dim) && weights_fit(next, dim) && aligned_for(x, kColumns) &&
                aligned_for(y, kColumns) && aligned_for(sum, kColumns) && aligned_for(out, kColumns),
            ErrorCode::kInternal, "[residual_norm] rows of ", dim, " that are not read in fours");
  if (rows == 0) return;
  with_type(x.type, [&](auto base) {
    with_type(y.type, [&](auto branch) {
      using X = decltype(base);
      using Y = decltype(branch);
      add_norm_fours_kernel<X, Y><<<static_cast<unsigned>(rows), kThreads, 0, stream_of(stream)>>>(
          elements<X>(x), x.stride, elements<Y>(y), y.stride, weight, next, group, eps, next_eps, elements<X>(sum),
          sum.stride, elements<Y>(out), out.stride, dim);
    });
  });
  check_launch("residual_norm");
}

}  // namespace svg::cuda
