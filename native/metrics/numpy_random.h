// The random numbers of numpy's RandomState, by which public scorers shuffle rows and draw subsets.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace svg {

class NumpyRandom {
 public:
  /// numpy.random.RandomState(seed)
  explicit NumpyRandom(uint32_t seed) : engine_(seed) {}

  /// RandomState.permutation(n): 0 to n - 1 in the order that it draws; the next call goes on with its numbers.
  std::vector<int64_t> permutation(int64_t n);
  /// RandomState.choice(n, count, replace=False)
  std::vector<int64_t> choice(int64_t n, int64_t count);

 private:
  std::mt19937 engine_;
};

}  // namespace svg
