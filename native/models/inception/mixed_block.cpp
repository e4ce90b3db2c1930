#include "models/inception/mixed_block.h"

namespace svg {

MixedBlock::MixedBlock(const Weights& weights, int64_t in, const MixedShape& shape) : pool_(shape.pool) {
  for (const BranchShape& each : shape.branches) {
    Branch branch;
    int64_t width = in;
    for (const ConvShape& conv : each.chain) {
      branch.chain.emplace_back(weights.scope(conv.name), width, conv);
      width = conv.out;
    }
    for (const ConvShape& conv : each.heads) {
      branch.heads.emplace_back(weights.scope(conv.name), width, conv);
      out_ += conv.out;
    }
    if (each.heads.empty()) out_ += width;
    branches_.push_back(std::move(branch));
  }
  if (pool_ == BlockPool::kHalvesMax) {
    out_ += in;
    return;
  }
  pool_conv_.emplace(weights.scope("branch_pool"), in, ConvShape{"branch_pool", shape.pool_out, 1, 1});
  out_ += shape.pool_out;
}

at::Tensor MixedBlock::operator()(const at::Tensor& x, at::Tensor* first) const {
  std::vector<at::Tensor> parts;
  for (const Branch& branch : branches_) {
    at::Tensor y = x;
    for (const FoldedConv& conv : branch.chain) y = conv(y);
    for (const FoldedConv& head : branch.heads) parts.push_back(head(y));
    if (branch.heads.empty()) parts.push_back(std::move(y));
  }
  if (first) *first = parts.front();
  parts.push_back(pooled(x));
  return at::cat(parts, 1);
}

at::Tensor MixedBlock::pooled(const at::Tensor& x) const {
  switch (pool_) {
    case BlockPool::kHalvesMax: return at::max_pool2d(x, {3, 3}, {2, 2});
    case BlockPool::kMax: return (*pool_conv_)(at::max_pool2d(x, {3, 3}, {1, 1}, {1, 1}));
    case BlockPool::kAverage: break;
  }
  // Means and a convolution of one pixel are both linear: the other way round there are fewer channels to take means
  // of.
  const at::Tensor y = pool_conv_->before_relu(x);
  return at::relu(at::avg_pool2d(y, {3, 3}, {1, 1}, {1, 1}, /*ceil_mode=*/false, /*count_include_pad=*/false));
}

}  // namespace svg
