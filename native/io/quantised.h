// Weights stored as small numbers times scales: read as plain numbers they are wrong without any other sign.
#pragma once

#include <string>

#include "core/json.h"
#include "io/checkpoint.h"

namespace svg {

/// The first tensor that only quantised weights have (a scale, a zero point, packed numbers), "" where there is none.
std::string find_quantisation(const Checkpoint& checkpoint);

/// Throws Error(kWeightsMismatch) naming the tensor, or the 8-bit whole numbers, that say so.
void refuse_quantised(const Checkpoint& checkpoint);

/// The same for a config.json with "quantization_config"; `path` is its file.
void refuse_quantised(const Json& config, const std::string& path);

}  // namespace svg
