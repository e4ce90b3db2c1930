// A convolution without bias, the batch norm behind it folded in, and its ReLU.
#pragma once

#include <ATen/ATen.h>

#include "core/weights.h"

namespace svg {

/// Kernel rows x columns; with stride 1 padded so that sides stay, unless `padded` is false.
struct ConvShape {
  const char* name;
  int64_t out, rows, columns, stride = 1;
  bool padded = true;
};

class FoldedConv {
 public:
  /// Asks for conv.weight (out, in, rows, columns) and bn.weight, bn.bias, bn.running_mean, bn.running_var (out); eps
  /// 1e-3. The product of both scales is worked out in fp64.
  FoldedConv(const Weights& weights, int64_t in, const ConvShape& shape);

  /// x (B, in, h, w) channels-last -> relu(bn(conv(x))) (B, out, h', w').
  at::Tensor operator()(const at::Tensor& x) const { return run(x, /*with_relu=*/true); }
  /// Without the ReLU.
  at::Tensor before_relu(const at::Tensor& x) const { return run(x, /*with_relu=*/false); }

  int64_t out() const { return bias_.size(0); }

 private:
  at::Tensor run(const at::Tensor& x, bool with_relu) const;

  at::Tensor weight_, bias_;
  std::vector<int64_t> stride_, padding_;
};

}  // namespace svg
