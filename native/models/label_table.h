// How many classes a table of label embeddings stands for: whether its last row is "none" is nothing that shapes tell.
#pragma once

#include <cstdint>
#include <string>

#include "core/json.h"
#include "core/weights.h"

namespace svg {

/// (rows, width): DiT's own name for it.
inline constexpr const char* kLabelTable = "y_embedder.embedding_table.weight";

struct LabelTable {
  int64_t classes = 0;
  bool none = true;    // a last row for "none", which guidance needs
  std::string remark;  // of what was taken for granted; empty: nothing
};

/// From the rows of these weights' table, and "num_classes" and "class_dropout_prob" of `said` (above 0: trained with
/// "none") where it has them (null: it says nothing). Where it has neither, a table of 1000 rows is ImageNet's classes
/// alone, and every other one ends in "none". Throws Error(kWeightsMismatch) where they contradict each other, and
/// where there is no such table.
LabelTable label_table(const Weights& weights, const Json& said);

}  // namespace svg
