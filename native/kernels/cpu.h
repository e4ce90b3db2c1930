// Fused elementwise loops of the CPU, on raw rows. Reductions and products in fp32.
#pragma once

#include <cstdint>
#include <functional>

#include "kernels/adamw.h"
#include "kernels/rows.h"

namespace svg::cpu {

/// out[r] = x[r] / rms(x[r]) * weight[group[r]]; group null: one weight row for all.
void scaled_rms_norm(Rows x, const float* weight, const int32_t* group, float eps, Rows out, int64_t rows, int64_t dim);

/// out[r] = x[r] + y[r] / rms(y[r]) * weight[group[r]]
void add_scaled_rms_norm(Rows x, Rows y, const float* weight, const int32_t* group, float eps, Rows out, int64_t rows,
                         int64_t dim);

/// Both at once, a branch's end and the next one's begin: sum[r] = x[r] + y[r] / rms(y[r]) * weight[group[r]], and
/// out[r] = sum[r] / rms(sum[r]) * next[group[r]].
void residual_norm(Rows x, Rows y, const float* weight, const float* next, const int32_t* group, float eps,
                   float next_eps, Rows sum, Rows out, int64_t rows, int64_t dim);

/// Heads of x[r] normed, pairs (2i, 2i + 1) rotated by cos/sin[r][i] (rows, head_dim / 2).
void norm_rotate_heads(Rows x, HeadNorms norms, float eps, const float* cos, const float* sin, Rows out, int64_t rows,
                       int64_t heads, int64_t head_dim);

/// out = silu(gate) * up
void swiglu(Rows gate, Rows up, Rows out, int64_t rows, int64_t dim);

// Gradients of the above from that of `out`. Those of a norm's weight add up into `dweight`, zeroed: one copy per slice
// of the rows, each filled by one thread.

/// dx of scaled_rms_norm and dy of add_scaled_rms_norm; dweight (slices, groups, dim).
void scaled_rms_norm_backward(Rows x, const float* weight, const int32_t* group, float eps, Rows dout, Rows dx,
                              float* dweight, int64_t slices, int64_t groups, int64_t rows, int64_t dim);

/// dweight (slices, head_dim), null where `weight` is; head_dim at most kMaxHeadDim.
void norm_rotate_heads_backward(Rows x, const float* weight, float eps, const float* cos, const float* sin, Rows dout,
                                Rows dx, float* dweight, int64_t slices, int64_t rows, int64_t heads, int64_t head_dim);
constexpr int64_t kMaxHeadDim = 512;

void swiglu_backward(Rows gate, Rows up, Rows dout, Rows dgate, Rows dup, int64_t rows, int64_t dim);

struct GroupNormRows {
  const float* weight;  // (channels), as bias
  const float* bias;
  int64_t groups;
  float eps;
};

/// out[r] = silu(group norm of x[r]): one image, its pixels as rows of channels. `statistics` (groups, 2) gets the mean
/// and 1 / deviation of each group.
void group_norm_silu(Rows x, const GroupNormRows& norm, Rows out, float* statistics, int64_t pixels, int64_t channels);

/// What that norm does to each channel, (x - mean) * scale + bias: mean and scale (channels).
void group_norm_of_channels(Rows x, const GroupNormRows& norm, float* mean, float* scale, int64_t pixels,
                            int64_t channels);

/// By the gradient of group_norm_silu: grad_x is set, what belongs to the parameters is added to grad_weight and
/// grad_bias.
void group_norm_silu_backward(Rows x, Rows grad, const GroupNormRows& norm, const float* statistics, Rows grad_x,
                              float* grad_weight, float* grad_bias, int64_t pixels, int64_t channels);

/// One step of AdamW over parameters, with what follows from them. The same bits for any number of threads.
void adamw_update(const AdamWPlan& plan, const AdamWPiece* pieces, int64_t count);

/// Splits [0, rows) over torch's own threads.
void parallel_rows(int64_t rows, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body);

}  // namespace svg::cpu
