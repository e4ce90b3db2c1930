// Seconds per guided step of the diffusion transformer, beside the plain path on the same weights.
#pragma once

#include "core/json.h"

namespace svg {

/// request, all optional: "rows" [{px, tokens, dtype}] or "only" (part of a row's name), "layers" (4), "dim" (2304),
/// "heads" (24), "kvHeads" (8), "repeats" (3), "seed".
/// Returns {"rows": [{"name": "dit-256-128-fp32", "ours", "plain", "unit": "s", "ratio", "oursPeakRss", "plainPeakRss",
/// "difference"}]}: medians of alternating runs; peaks are the bytes by which the process grew, where the
/// system tells; difference is |ours - plain| / |plain| of the velocity.
Json bench_dit(const Json& request);

}  // namespace svg
