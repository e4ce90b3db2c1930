// Products with the weights of linear layers on the CPU, in fp32, with what follows them done on the way out.
#pragma once

#include <cstdint>

namespace svg::cpu {

/// W (out, in) and what is added: rows `stride` apart, elements next to each other. bias (out) may be null.
struct LayerWeights {
  const float* weight = nullptr;
  const float* bias = nullptr;
  int64_t stride = 0;
};

/// y (rows, out) from x (rows, in), rows each `stride` apart; y may not overlap x.
struct Product {
  const float* x = nullptr;
  int64_t x_stride = 0;
  LayerWeights layer;
  float* y = nullptr;
  int64_t y_stride = 0;
  int64_t rows = 0, in = 0, out = 0;

  /// Where it is given: y = silu(x W^T + b) * (x U^T + c), U being `up`.
  LayerWeights up = {};
  /// Where it is given: y = residual + (x W^T + b) * scale; rows y_stride apart, y itself or not overlapping it. scale
  /// (out) may be null.
  const float* residual = nullptr;
  const float* scale = nullptr;
};

/// Every sum goes over the inputs from the first to the last, by fused multiplications where the processor has them: a
/// row has the same bits among any others, by any number of threads, with AVX2 and AVX-512. Weights are transposed
/// block by block in the cache, nothing of them is kept. On torch's own threads: the work is cut for `threads` of them.
void product(const Product& product, int64_t threads);

}  // namespace svg::cpu
