#include "metrics/moments.h"

#include "core/error.h"
#include "metrics/feature_rows.h"

namespace svg {

Moments::Moments(int64_t dimensions)
    : mean_(at::zeros({dimensions}, at::kDouble)), products_(at::zeros({dimensions, dimensions}, at::kDouble)) {
  SVG_CHECK(dimensions > 0, ErrorCode::kInvalidArgument, "[metrics] moments of no features");
}

void Moments::add(const at::Tensor& rows) {
  const at::Tensor x = checked_rows(rows, dimensions()).to(at::kDouble);
  if (x.size(0) == 0) return;
  const at::Tensor mean = x.mean(0);
  const at::Tensor centred = x - mean;
  const at::Tensor difference = mean - mean_;
  // Two sets' moments joined: nothing cancels, however far from 0 the features lie.
  // Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
  const auto a = static_cast<double>(count_);
  const auto b = static_cast<double>(x.size(0));
  // New tensors: a copy of the moments keeps what it had, and so do these where there is no memory.
  const at::Tensor joined = mean_ + difference * (b / (a + b));
  products_ = at::addmm(products_, centred.t(), centred).addr_(difference, difference, 1, a * b / (a + b));
  mean_ = joined;
  count_ += x.size(0);
}

Statistics Moments::statistics() const {
  SVG_CHECK(count_ > 1, ErrorCode::kInvalidArgument, "[metrics] a covariance needs at least two rows, not ", count_);
  // A product's two triangles may be rounded unlike each other; readers of statistics take either.
  const at::Tensor sigma = (products_ + products_.t()) * (0.5 / static_cast<double>(count_ - 1));
  return {mean_.clone(), sigma, count_};
}

}  // namespace svg
