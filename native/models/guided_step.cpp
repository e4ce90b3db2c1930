#include "models/guided_step.h"

#include "core/error.h"

namespace svg {

GuidedStep::GuidedStep(const std::vector<GuidedQuery>& queries, std::vector<const GuidedItem*> items)
    : queries_(queries), items_(std::move(items)) {
  std::vector<GuidanceNeeds> needs;
  for (size_t i = 0; i < queries_.size(); ++i) needs.push_back(items_[i]->guidance.needs(queries_[i].when));
  for (size_t i = 0; i < needs.size(); ++i) {
    if (needs[i].conditional) rows_.push_back({i, true});
  }
  for (size_t i = 0; i < needs.size(); ++i) {
    if (needs[i].unconditional) rows_.push_back({i, false});
  }
}

const at::Tensor& GuidedStep::condition_of(const GuidedRow& row) const {
  const GuidedItem& item = *items_[row.query];
  return row.conditional ? item.conditional : item.unconditional;
}

std::vector<at::Tensor> GuidedStep::guided(const std::vector<at::Tensor>& velocities) const {
  SVG_CHECK(velocities.size() == rows_.size(), ErrorCode::kInternal, "[guide] ", velocities.size(), " velocities for ",
            rows_.size(), " rows");
  std::vector<at::Tensor> conditional(queries_.size()), unconditional(queries_.size()), result;
  for (size_t r = 0; r < rows_.size(); ++r) {
    (rows_[r].conditional ? conditional : unconditional)[rows_[r].query] = velocities[r];
  }
  for (size_t i = 0; i < queries_.size(); ++i) {
    result.push_back(conditional[i].defined() || unconditional[i].defined()
                         ? step_velocity(conditional[i], unconditional[i], items_[i]->guidance, queries_[i].when)
                         : at::zeros_like(queries_[i].latent));
  }
  return result;
}

}  // namespace svg
