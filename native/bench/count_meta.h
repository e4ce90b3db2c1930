// Kernels for meta tensors of the operations that have none without Python, for as long as something is counted.
#pragma once

#include <torch/library.h>

#include <functional>

#include "bench/count_ops.h"

namespace svg {

/// Attention of every sort and its gradient, layer norm's, AdamW of many tensors: shapes alone. Copies to the host, and
/// values that it reads, are ones.
class MetaKernels {
 public:
  /// Hears, on the thread that made it, of what no operation of ATen stands for.
  using Tell = std::function<void(const char* operation, const OpCount&)>;

  explicit MetaKernels(Tell tell);
  ~MetaKernels();

 private:
  torch::Library below_autograd_, autograd_;
};

/// The operation under which the gradient of scaled_dot_product_attention is counted.
inline constexpr const char* kAttentionBackward = "aten::scaled_dot_product_attention_backward";

}  // namespace svg
