// One guided evaluation of several pictures: which velocities it takes, and how they become guided ones.
#pragma once

#include <vector>

#include "models/part.h"

namespace svg {

/// A velocity that the model computes.
struct GuidedRow {
  size_t query = 0;         // of which query
  bool conditional = true;  // with the picture's condition, or without
};

class GuidedStep {
 public:
  /// `items[i]` is that of `queries[i]`. Keeps references to both.
  GuidedStep(const std::vector<GuidedQuery>& queries, std::vector<const GuidedItem*> items);

  /// What each picture's guidance needs at its own time: all velocities with a condition first, in the order of the
  /// queries, then those without.
  const std::vector<GuidedRow>& rows() const { return rows_; }
  const at::Tensor& condition_of(const GuidedRow& row) const;
  /// Velocities of the rows, (C, h, w) each, to those of the queries.
  std::vector<at::Tensor> guided(const std::vector<at::Tensor>& velocities) const;

 private:
  const std::vector<GuidedQuery>& queries_;
  std::vector<const GuidedItem*> items_;
  std::vector<GuidedRow> rows_;
};

}  // namespace svg
