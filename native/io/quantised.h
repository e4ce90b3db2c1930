// Weights stored as small numbers times scales: read as plain numbers they are wrong without any other sign. One layout
// is read (io/int8_layout.h), all others are refused.
#pragma once

#include <string>

#include "core/json.h"
#include "io/checkpoint.h"

namespace svg {

/// The first tensor that only quantised weights of other layouts have (a scale, a zero point, packed numbers), "" where
/// there is none. Throws as find_int8_layout().
std::string find_quantisation(const Checkpoint& checkpoint);

/// Throws Error(kWeightsMismatch) naming the tensor, or the 8-bit whole numbers, that say so.
void refuse_quantised(const Checkpoint& checkpoint);

/// The same for a config.json with "quantization_config" of another scheme; `path` is its file.
void refuse_quantised(const Json& config, const std::string& path);

}  // namespace svg
