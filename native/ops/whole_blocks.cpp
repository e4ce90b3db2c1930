#include "ops/whole_blocks.h"

#include <algorithm>
#include <bit>

namespace svg {
namespace {

constexpr int64_t kLargestBlock = 256;

thread_local bool in_blocks = false;

}  // namespace

WholeBlocks::WholeBlocks() : outer_(in_blocks) { in_blocks = true; }

WholeBlocks::~WholeBlocks() { in_blocks = outer_; }

int64_t whole_blocks(int64_t rows) {
  const auto share = static_cast<uint64_t>(std::max(rows / 4, int64_t{1}));
  const int64_t block = std::min(static_cast<int64_t>(std::bit_floor(share)), kLargestBlock);
  return (rows + block - 1) / block * block;
}

at::Tensor product_of_blocks(const at::Tensor& x, const std::function<at::Tensor(const at::Tensor&)>& product) {
  if (!in_blocks || !x.is_cpu() || x.scalar_type() == at::kFloat || x.dim() != 2) return product(x);
  const int64_t rows = x.size(0);
  const int64_t missing = whole_blocks(rows) - rows;
  if (missing == 0) return product(x);
  return product(at::constant_pad_nd(x, {0, 0, 0, missing})).narrow(0, 0, rows);
}

}  // namespace svg
