#include "models/next_dit/step_cache.h"

namespace svg {

StepCacheTurn::StepCacheTurn(const std::vector<CachedSequence>& sequences) {
  std::vector<at::Tensor> changes;
  for (const CachedSequence& one : sequences) {
    if (!one.memory->rule.goes_by_change(one.when)) continue;
    changes.push_back(relative_change(one.input, one.memory->input));
  }
  const at::Tensor told = changes.empty() ? at::Tensor() : at::stack(changes).to(at::kCPU, at::kDouble);
  int64_t next_change = 0;
  for (const CachedSequence& one : sequences) {
    memories_.push_back(one.memory);
    next_.push_back(*one.memory);
    BranchMemory& next = next_.back();
    std::optional<double> change;
    if (next.rule.goes_by_change(one.when)) change = told[next_change++].item<double>();
    computes_.push_back(next.rule.decide(one.cache, one.when, change).computes);
    next.input = one.input;
    if (!computes_.back()) ++next.reused;
  }
}

void StepCacheTurn::commit() {
  for (size_t i = 0; i < memories_.size(); ++i) *memories_[i] = std::move(next_[i]);
}

}  // namespace svg
