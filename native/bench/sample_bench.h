// A whole picture: text encoder, diffusion transformer, decoder.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "core/json.h"

namespace svg {

/// Rows whose name holds `only`, {"rows"}: "sample-256-128-<dtype>", ten steps on models of a third of the 2B's width
/// and DPM-Solver++; plain pads the guided pair to one batch and shares nothing between steps.
Json bench_sample(const std::string& only, int64_t repeats, at::Device device);

}  // namespace svg
