#include "metrics/mean_std.h"

#include <cmath>

#include "core/error.h"

namespace svg {

MeanStd mean_std(const std::vector<double>& values) {
  SVG_CHECK(!values.empty(), ErrorCode::kInternal, "[metrics] a mean of nothing");
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / n;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, std::sqrt(squares / n)};
}

}  // namespace svg
