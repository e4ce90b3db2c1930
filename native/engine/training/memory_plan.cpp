#include "engine/training/memory_plan.h"

#include <algorithm>

namespace svg {
namespace {

MemoryPlan plan_of(const TrainingMemory& memory, size_t recomputed) {
  MemoryPlan plan;
  for (size_t i = 0; i < recomputed; ++i) plan.recomputed.insert(memory.blocks[i].name);
  plan.blocks = static_cast<int64_t>(memory.blocks.size());
  plan.bytes = peak_bytes(memory, recomputed);
  return plan;
}

}  // namespace

Json MemoryPlan::to_json() const {
  return Json::object()
      .set("recomputed", static_cast<int64_t>(recomputed.size()))
      .set("blocks", blocks)
      .set("bytes", bytes)
      .set("budget", budget);
}

int64_t peak_bytes(const TrainingMemory& memory, size_t recomputed) {
  int64_t inputs = 0, most = 0;
  for (size_t i = 0; i < recomputed; ++i) {
    inputs += memory.blocks[i].input;
    most = std::max(most, inputs + memory.blocks[i].kept);  // when this one is run again
  }
  int64_t kept = 0;
  for (size_t i = recomputed; i < memory.blocks.size(); ++i) kept += memory.blocks[i].kept;
  return memory.rest + std::max(most, inputs + kept);
}

MemoryPlan plan_within(const TrainingMemory& memory, int64_t budget) {
  size_t recomputed = 0;
  while (recomputed < memory.blocks.size() && peak_bytes(memory, recomputed) > budget) ++recomputed;
  MemoryPlan plan = plan_of(memory, recomputed);
  plan.budget = budget;
  return plan;
}

MemoryPlan plan_of_all(const TrainingMemory& memory, bool recomputed) {
  return plan_of(memory, recomputed ? memory.blocks.size() : 0);
}

}  // namespace svg
