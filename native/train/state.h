// Named parts of a training state.
#pragma once

#include <string>

#include "core/weights.h"

namespace svg {

/// Adds `part` to `state`, each name after `prefix`.
void add_below(TensorMap& state, const std::string& prefix, const TensorMap& part);

/// What begins with `prefix`, by the rest of its name.
TensorMap below(const TensorMap& state, const std::string& prefix);

/// Copies the values of prefix + name into each tensor of `live`. Throws Error(kWeightsMismatch) where one is missing
/// or has another shape.
void copy_below(const TensorMap& state, const std::string& prefix, const TensorMap& live);

}  // namespace svg
