#include "metrics/numpy_random.h"

#include <bit>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace svg {

std::vector<int64_t> NumpyRandom::permutation(int64_t n) {
  SVG_CHECK(n >= 0 && n <= std::numeric_limits<uint32_t>::max(), ErrorCode::kInvalidArgument, "[metrics] ", n,
            " rows cannot be shuffled");
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (uint64_t i = order.size(); i-- > 1;) {
    const auto mask = static_cast<uint32_t>(std::bit_ceil(i + 1) - 1);
    uint32_t drawn;
    do {
      drawn = static_cast<uint32_t>(engine_()) & mask;
    } while (drawn > i);
    std::swap(order[i], order[drawn]);
  }
  return order;
}

std::vector<int64_t> NumpyRandom::choice(int64_t n, int64_t count) {
  std::vector<int64_t> order = permutation(n);
  SVG_CHECK(count >= 0 && count <= n, ErrorCode::kInvalidArgument, "[metrics] ", count, " of ", n,
            " rows cannot be drawn without repetition");
  order.resize(static_cast<size_t>(count));
  return order;
}

}  // namespace svg
