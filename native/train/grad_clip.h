// Gradient clipping by the global norm.
#pragma once

#include "core/weights.h"

namespace svg {

/// Norm over the gradients of all parameters together, in fp64 from the norms of each. Waits for the device.
double gradient_norm(const TensorMap& parameters);

/// Scales all gradients by max_norm / (norm + 1e-6) where that is below 1.
void clip_gradients(const TensorMap& parameters, double norm, double max_norm);

}  // namespace svg
