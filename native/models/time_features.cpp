#include "models/time_features.h"

#include <cmath>

namespace svg {

at::Tensor time_features(const at::Tensor& t) {
  const int64_t half = kTimeFeatures / 2;
  const at::Tensor index = at::arange(half, t.options().dtype(at::kFloat));
  const at::Tensor frequencies = at::exp(index * -std::log(10000.0) / half);
  const at::Tensor angles = t.to(at::kFloat).unsqueeze(1) * frequencies;
  return at::cat({angles.cos(), angles.sin()}, 1);
}

}  // namespace svg
