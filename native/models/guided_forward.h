// Guided velocities of a model that shares nothing between steps: both conditions go through its forward as one batch.
#pragma once

#include <functional>
#include <memory>

#include "models/part.h"

namespace svg {

/// Keeps a reference to the model. `check_cells` throws Error(kInvalidArgument) for cells that it cannot draw; guidance
/// by what it was trained without is refused here.
std::unique_ptr<GuidedVelocity> guide_by_forward(const VelocityModel& model,
                                                 std::function<void(const Cells&)> check_cells);

}  // namespace svg
