// Whole steps of the 2B on a device, in bf16: of sampling, and of training with the update.
#pragma once

#include <string>

#include "core/json.h"
#include "models/next_dit/config.h"

namespace svg {

/// Rows whose name holds `only`, {"rows"}: "step-<px>-128", one guided step, as `compare` gives it; "train-<px>-128",
/// images a second of steps with gradients and update, ours first and plain after it, for both at once are too large.
/// The names are those of the counted rows (bench/count.h). With "flops": those of ours, of an image in training.
Json bench_steps(const NextDitConfig& config, const std::string& only, int64_t repeats, at::Device device);

}  // namespace svg
