// adaLN of the times that are asked next, computed together: it reads weights that are large beside its work.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "models/next_dit/next_dit.h"

namespace svg {

/// The times at which a picture will be asked for, in order; empty where nobody knows them.
using PlannedTimes = std::shared_ptr<const std::vector<double>>;

class ModulationWindow {
 public:
  struct Asked {
    PlannedTimes plan;
    double t = 0;
  };
  /// Row of the table of everything that was asked; no rows where all share the only one.
  struct Rows {
    ModulationTable table;
    std::vector<int64_t> rows;
  };

  /// Keeps a reference to the model.
  explicit ModulationWindow(const NextDit& model) : model_(model) {}

  /// Times that their plans hold are computed with some that follow in these plans, others alone.
  Rows at(const std::vector<Asked>& asked);

 private:
  using Entry = std::pair<PlannedTimes, int64_t>;  // a time by its index in a plan

  void compute(const std::vector<Entry>& wanted);
  Rows computed_alone(const std::vector<Asked>& asked) const;

  const NextDit& model_;
  std::vector<Entry> entries_;  // of the table's rows
  std::optional<ModulationTable> table_;
};

}  // namespace svg
