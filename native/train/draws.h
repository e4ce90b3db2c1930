// What chance decides about a training sample. It depends on the run's seed and on the sample's number alone, so that a
// resumed run and one on other processes draw the same.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace svg {

/// A CPU generator for sample number `draw` of the run.
at::Generator draw_generator(int64_t seed, int64_t draw);

}  // namespace svg
