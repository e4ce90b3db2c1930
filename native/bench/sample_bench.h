// A whole picture: text encoder, diffusion transformer, decoder.
#pragma once

#include "core/json.h"

namespace svg {

/// {"only"?, "repeats"?, "steps"? (10)} -> {"rows"}: "sample-256-128-<dtype>" on models of a third of the 2B's width
/// and DPM-Solver++; plain pads the guided pair to one batch and shares nothing between steps.
Json bench_sample(const Json& request);

}  // namespace svg
