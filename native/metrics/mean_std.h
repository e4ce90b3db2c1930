// A value that was measured several times: on subsets, or on parts of a set.
#pragma once

#include <vector>

namespace svg {

struct MeanStd {
  double mean;
  double std;  // of the population: over n
};

/// Of at least one value.
MeanStd mean_std(const std::vector<double>& values);

}  // namespace svg
