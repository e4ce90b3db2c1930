// Guided velocities of a model that shares nothing between steps: both conditions go through its forward as one batch.
#pragma once

#include <memory>
#include <vector>

#include "models/part.h"

namespace svg {

/// Keeps a reference to the model. Throws Error(kInvalidArgument) without items, and for guidance by
/// what the model was trained without.
std::unique_ptr<GuidedVelocity> guide_by_forward(const VelocityModel& model, std::vector<GuidedItem> items,
                                                 const Guidance& guidance);

}  // namespace svg
