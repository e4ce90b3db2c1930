#include "models/guided_pictures.h"

#include "core/error.h"

namespace svg {

GuidedPictures::GuidedPictures(const VelocityModel& model, const std::vector<GuidedItem>& items,
                               const std::vector<double>& times)
    : guided_(model.guide()) {
  for (const GuidedItem& item : items) numbers_.push_back(guided_->add(item, times));
}

std::vector<at::Tensor> GuidedPictures::velocity(const std::vector<at::Tensor>& latents, const SolverTime& when) const {
  SVG_CHECK(latents.size() == numbers_.size(), ErrorCode::kInternal, "[guide] ", latents.size(), " latents for ",
            numbers_.size(), " pictures");
  std::vector<GuidedQuery> queries;
  for (size_t i = 0; i < latents.size(); ++i) queries.push_back({numbers_[i], latents[i], when});
  return guided_->velocity(queries);
}

}  // namespace svg
