// Mean and covariance of a set of features, of which no row is kept.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace svg {

struct Statistics {
  at::Tensor mu;      // (d) fp64
  at::Tensor sigma;   // (d, d) fp64, over n - 1
  int64_t count = 0;  // rows that they are of; 0 where that is not known
};

/// A value: `add` makes new sums, so that a copy costs nothing and keeps what it had.
class Moments {
 public:
  explicit Moments(int64_t dimensions);

  /// (n, d), fp32 on any device, n may be 0; summed in fp64. However the rows are cut into calls, the moments are the
  /// same but for the rounding of fp64. Throws Error(kInvalidArgument) for another d, Error(kNumeric) for numbers that
  /// are not finite; then nothing was added.
  void add(const at::Tensor& rows);
  int64_t count() const { return count_; }
  int64_t dimensions() const { return mean_.size(0); }
  /// Throws Error(kInvalidArgument) below two rows.
  Statistics statistics() const;

 private:
  at::Tensor mean_;      // (d) fp64
  at::Tensor products_;  // (d, d) fp64: sum of the outer products of what is left of a row without the mean
  int64_t count_ = 0;
};

}  // namespace svg
