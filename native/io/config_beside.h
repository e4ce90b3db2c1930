// What a config.json beside weights says, for those who can do without.
#pragma once

#include <string>

#include "core/json.h"

namespace svg {

/// Of a folder, or of the folder that a file is in; null where there is none, or none that can be read: whoever needs
/// it (io/model_config.h) says what is wrong with it.
Json config_beside(const std::string& weights);

}  // namespace svg
