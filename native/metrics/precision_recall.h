// How much of one set of features lies among another one, and the reverse: improved precision and recall.
#pragma once

#include <cstdint>

#include "metrics/row_store.h"

namespace svg {

struct PrecisionRecall {
  double precision;  // share of the rows of `set` within the radius of a row of `reference`
  double recall;     // share of the rows of `reference` within the radius of a row of `set`
  double f_score;    // 2 P R / max(1e-5, P + R)
};

/// A row's radius is its distance to its nearest neighbour but `neighbours` - 1 in its own set, itself left out.
/// Distances are those of differences in fp64: copies have 0. Costs d (n_set + n_reference)^2 operations; in memory are
/// blocks of 2048 rows and, of each row of a set, neighbours + 8 numbers with their places. Throws
/// Error(kInvalidArgument) for a set of `neighbours` rows or fewer.
/// Source: Kynkaanniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models", 2019.
PrecisionRecall precision_recall(const RowStore& set, const RowStore& reference, int64_t neighbours);

}  // namespace svg
