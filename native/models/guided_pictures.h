// Pictures that go from noise to data side by side, at one time each step: what golden cases and benches ask.
#pragma once

#include <memory>
#include <vector>

#include "models/part.h"

namespace svg {

class GuidedPictures {
 public:
  /// Keeps a reference to the model. `times` as GuidedVelocity::add() takes them. Throws as it.
  GuidedPictures(const VelocityModel& model, const std::vector<GuidedItem>& items,
                 const std::vector<double>& times = {});

  /// Velocities of all of them, (C, h, w) fp32 each, from their latents, in the order of the items.
  std::vector<at::Tensor> velocity(const std::vector<at::Tensor>& latents, const SolverTime& when) const;

 private:
  std::unique_ptr<GuidedVelocity> guided_;
  std::vector<int64_t> numbers_;
};

}  // namespace svg
