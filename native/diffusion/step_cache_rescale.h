// The polynomials by which a step cache can rescale changes, by name.
#pragma once

#include <string>

#include "diffusion/step_cache.h"

namespace svg {

/// "none" (changes as they are), "lumina2-v1" or "lumina2-v2" (as published for Lumina-Image 2.0). Throws
/// Error(kInvalidArgument).
RescalePolynomial rescale_polynomial(const std::string& name);

}  // namespace svg
