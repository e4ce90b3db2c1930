// The kernel distance of two sets of features: KID.
#pragma once

#include <cstdint>
#include <optional>

#include "metrics/mean_std.h"
#include "metrics/row_store.h"

namespace svg {

struct KernelDistanceOptions {
  int64_t subsets;
  int64_t subset_size;
  uint32_t seed;
  int64_t degree;
  std::optional<double> gamma;  // absent: 1 / d
  double coef0;
};

/// Unbiased squared maximum mean discrepancy under the kernel (gamma x.y + coef0)^degree, mean and deviation over
/// random subsets of both; in fp64. It may lie below 0, and does for a set against itself. Subsets are those of
/// torch-fidelity; one of each set is held in memory, 12 d bytes a row. Throws Error(kInvalidArgument) for a set with
/// fewer rows than a subset.
/// Source: Binkowski et al., "Demystifying MMD GANs", 2018.
MeanStd kernel_distance(const RowStore& a, const RowStore& b, const KernelDistanceOptions& options);

}  // namespace svg
