// How far the rows of a set lie from each other, exactly: for radii and for neighbourhoods.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "metrics/row_store.h"

namespace svg {

/// Some rows of a store with what distances need of them.
struct RowBlock {
  RowBlock(const RowStore& store, int64_t from, int64_t to);

  int64_t start, count;
  at::Tensor rows;   // (count, d) fp64
  at::Tensor norms;  // (count) fp64: squared lengths
};

/// Rows of a block: of 2048 x 2048 distances at a time.
constexpr int64_t kRowsPerBlock = 2048;

/// Squared distance by differences, fp64: 0 for equal rows, and the same for both orders.
double squared_distance(const double* x, const double* y, int64_t dimensions);

/// Squared distances |x|^2 + |y|^2 - 2 x.y of all pairs of two blocks, from one product. Each lies within `slack`
/// (|x|^2 + |y|^2) of what squared_distance gives: whoever compares them decides what is closer than that by
/// differences.
class ApproximateDistances {
 public:
  ApproximateDistances(const RowBlock& x, const RowBlock& y);

  double operator()(int64_t i, int64_t j) const {
    return x_norms_[i] + y_norms_[j] - 2 * products_data_[i * columns_ + j];
  }
  double slack(int64_t i, int64_t j) const { return slack_ * (x_norms_[i] + y_norms_[j]); }

 private:
  at::Tensor products_;
  const double *x_norms_, *y_norms_, *products_data_;
  int64_t columns_;
  double slack_;
};

/// Of each row, the squared distance to its `neighbours`-th nearest other row of the store, which has more rows than
/// that.
std::vector<double> squared_radii(const RowStore& store, int64_t neighbours);

}  // namespace svg
