// A block of Inception: several branches over one input, side by side in the output.
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <vector>

#include "models/inception/folded_conv.h"

namespace svg {

/// Convolutions one after the other; where there are heads, each of them over what the last one gives.
struct BranchShape {
  std::vector<ConvShape> chain;
  std::vector<ConvShape> heads = {};
};

enum class BlockPool {
  kAverage,    // 3x3 with stride 1, the padding not counted, then a convolution
  kMax,        // the same with the maximum
  kHalvesMax,  // 3x3 with stride 2, and no convolution
};

struct MixedShape {
  const char* name;
  std::vector<BranchShape> branches;
  BlockPool pool;
  int64_t pool_out = 0;  // of its convolution
};

class MixedBlock {
 public:
  MixedBlock(const Weights& weights, int64_t in, const MixedShape& shape);

  /// x (B, in, h, w) -> (B, out, h', w'): the branches in their order, then the pool. `first` gets what the first
  /// branch gives, where it is not null.
  at::Tensor operator()(const at::Tensor& x, at::Tensor* first = nullptr) const;

  int64_t out() const { return out_; }

 private:
  struct Branch {
    std::vector<FoldedConv> chain, heads;
  };

  at::Tensor pooled(const at::Tensor& x) const;

  std::vector<Branch> branches_;
  BlockPool pool_;
  std::optional<FoldedConv> pool_conv_;
  int64_t out_ = 0;
};

}  // namespace svg
