// Runs one golden case, whatever its module.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "core/json.h"

namespace svg {

/// Runs the case of a folder, on a GPU without TF32. Status "not-run" where the module is unknown to this build; never
/// throws for a failing or broken case.
Json run_golden_case(const std::string& folder, at::Device device = at::kCPU);

}  // namespace svg
