// Weights of two files as those of one.
#pragma once

#include <string>

#include "core/weights.h"

namespace svg {

/// `weights`, with `others` below `name`: "statistics" gives "statistics.mean". What `weights` itself has below it is
/// hidden.
Weights joined_weights(const Weights& weights, const std::string& name, const Weights& others);

}  // namespace svg
