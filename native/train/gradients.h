// Gradients by the names of parameters, where the model computes with copies of some.
#pragma once

#include <functional>

#include "core/weights.h"

namespace svg {

/// What was accumulated, by parameter; those without one are left out. In the copy's dtype where one backward pass made
/// all of it, else in fp32.
TensorMap accumulated_gradients(const TrainableSource& source);

/// Rounds the parameters that `chosen` takes into their copies.
void refresh_copies_of(const TrainableSource& source, const std::function<bool(const std::string& name)>& chosen);

/// () fp64: norm over all gradients together, from the norms of each in fp32, where they lie (0 on the CPU where there
/// are none). Nobody waits for it.
at::Tensor gradient_norm(const TensorMap& gradients);

}  // namespace svg
