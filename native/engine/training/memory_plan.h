// Which blocks of a model keep their activations in a training step, and which are computed twice.
#pragma once

#include <set>
#include <string>

#include "core/json.h"
#include "models/training_memory.h"

namespace svg {

struct MemoryPlan {
  std::set<std::string> recomputed;  // names of blocks
  int64_t blocks = 0;                // of the model
  int64_t bytes = 0;                 // that activations take at most, as counted
  int64_t budget = 0;                // that they may take; 0: nobody says

  /// {"recomputed": count, "blocks", "bytes", "budget"}
  Json to_json() const;
};

/// Bytes held at most where the first `recomputed` blocks are run again. They are run again last, when the others'
/// activations are gone: so it is the first ones that are chosen.
int64_t peak_bytes(const TrainingMemory& memory, size_t recomputed);

/// As few recomputed blocks as let the step fit into `budget` bytes; all of them where nothing does.
MemoryPlan plan_within(const TrainingMemory& memory, int64_t budget);
/// All blocks, or none.
MemoryPlan plan_of_all(const TrainingMemory& memory, bool recomputed);

}  // namespace svg
