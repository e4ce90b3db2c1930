// Seconds per guided step of the diffusion transformer, beside the plain path on the same weights.
#pragma once

#include <string>

#include "core/json.h"
#include "models/next_dit/config.h"

namespace svg {

/// Rows whose name holds `only`, on four layers of the 2B's width: {"rows": [{"name": "dit-256-128-fp32", "ours",
/// "plain", "unit": "s", "ratio", "oursPeakRss", "plainPeakRss", "difference"}]}: medians of alternating runs; peaks
/// are the bytes by which the process grew, where the system tells; difference is |ours - plain| / |plain| of the
/// velocity. Plain of an int8 row, of a CPU alone, is our fp32 path of the same weights; it has "oursWeights" and
/// "plainWeights" too, the bytes that the process grew by for each model.
Json bench_dit(const std::string& only, int64_t repeats, at::Device device);
/// The same on a model of other dimensions.
Json bench_dit(const NextDitConfig& config, const std::string& only, int64_t repeats, at::Device device = at::kCPU);

}  // namespace svg
