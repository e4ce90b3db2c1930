// FID's Inception v3, beside the plain path on the same weights and pictures.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "core/json.h"

namespace svg {

/// The row "eval-inception" where it holds `only`: images a second from 8-bit pictures to features, ours and as
/// torch-fidelity computes them; {"name", "ours", "plain", "unit": "images/s", "ratio": ours / plain, ...} otherwise as
/// `compare` gives it.
Json bench_inception(const std::string& only, int64_t repeats, at::Device device);

}  // namespace svg
