// How certain, and how unlike each other, a classifier's answers to a set of pictures are: the Inception score.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "metrics/mean_std.h"
#include "metrics/row_store.h"

namespace svg {

/// As torch-fidelity counts: so many parts of nearly the same size.
struct ScoreSplits {
  int64_t splits;
  std::optional<uint32_t> shuffle_seed;  // of numpy's RandomState; absent: rows in their order
};

/// As ADM's evaluator counts: parts of so many rows in their order; the last may be smaller and weighs the same.
struct ScoreParts {
  int64_t rows;
};

using InceptionScoreOptions = std::variant<ScoreSplits, ScoreParts>;

/// exp of the mean divergence of softmax(row) from its mean, of each part; mean and deviation over the parts. `logits`
/// are rows of all classes (both protocols: without the bias of the last layer); fp64 from there on, natural logarithm.
/// Throws Error(kInvalidArgument) for no rows, and for fewer rows than splits.
/// Source: Salimans et al., "Improved Techniques for Training GANs", 2016.
MeanStd inception_score(const RowStore& logits, const InceptionScoreOptions& options);

}  // namespace svg
