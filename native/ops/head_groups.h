// The heads of a fused query, key and value projection, taken apart.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "ops/rope.h"

namespace svg {

/// Neighbouring heads that are treated alike.
struct HeadGroup {
  int64_t count = 0;
  bool rotated = false;
  at::Tensor norm = {};  // (head_dim) fp32, of rotated heads; undefined: none
};

/// rows (T, sum of counts * head_dim) to (T, count, head_dim) of every group, as `dtype`. Norms and rotations in fp32.
/// Without gradients the rotated groups that come first, queries and keys, are done at once and are views of one
/// tensor; what is not rotated is a view of `rows`.
std::vector<at::Tensor> split_heads(const at::Tensor& rows, const std::vector<HeadGroup>& groups, int64_t head_dim,
                                    double eps, const Rope& rope, at::ScalarType dtype);
std::vector<at::Tensor> split_heads_reference(const at::Tensor& rows, const std::vector<HeadGroup>& groups,
                                              int64_t head_dim, double eps, const Rope& rope, at::ScalarType dtype);

}  // namespace svg
