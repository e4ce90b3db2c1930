// The runners of golden cases, one file per group of modules.
#pragma once

#include <string>

#include "golden/case.h"

namespace svg {

/// nullptr where no runner knows the module.
const GoldenRunner* find_golden_runner(const std::string& module);

}  // namespace svg
