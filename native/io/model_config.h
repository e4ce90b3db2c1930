// config.json as Hugging Face's libraries put it beside weights.
#pragma once

#include <string>

#include "core/json.h"

namespace svg {

/// Of a folder, or of the folder that a file is in; null where there is none. Refuses what a quantised model has there.
/// Throws Error(kFileFormat) naming the file where it is no JSON object, kWeightsMismatch for "quantization_config".
Json read_model_config(const std::string& weights);

}  // namespace svg
