// The parts of the benchmark by their names.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "core/json.h"

namespace svg {

/// "dit", "encoder", "decoder", "inception", "sample", "text-encoder"; "step" is whole steps of the 2B (step_bench.h).
const std::vector<std::string>& bench_parts();

/// {"rows"} whose names hold `only`, on `device`, timed `repeats` times each. Those with "flops" have "matrixFlops"
/// beside it: what the device multiplies a second in the same type. Throws Error(kInvalidArgument) for a part
/// that there is not.
Json bench_part(const std::string& part, const std::string& only, int64_t repeats, at::Device device);

}  // namespace svg
