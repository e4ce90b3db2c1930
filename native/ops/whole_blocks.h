// Products of a number of rows that changes from step to step, filled up so that few numbers occur.
#pragma once

#include <ATen/ATen.h>

#include <functional>

namespace svg {

/// While it lives, products on this thread are computed on whole blocks of rows. oneDNN compiles a product in half
/// precision anew for every number of rows and keeps some thousand: pictures that come and go would have it compile at
/// most steps, and take memory for each. With other numbers of rows it may sum in another order: what is to keep its
/// bits does not belong here.
class WholeBlocks {
 public:
  WholeBlocks();
  ~WholeBlocks();
  WholeBlocks(const WholeBlocks&) = delete;
  WholeBlocks& operator=(const WholeBlocks&) = delete;

 private:
  bool outer_;
};

/// Four numbers of rows from one power of two to the next, multiples of 256 above: at most a quarter more than `rows`.
int64_t whole_blocks(int64_t rows);

/// product(x) for x (rows, in), on the CPU in half precision and under WholeBlocks of x with zeros below it; the rows
/// of those are left out.
at::Tensor product_of_blocks(const at::Tensor& x, const std::function<at::Tensor(const at::Tensor&)>& product);

}  // namespace svg
