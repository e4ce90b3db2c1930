#include "diffusion/step_cache_rescale.h"

#include "core/error.h"

namespace svg {

RescalePolynomial rescale_polynomial(const std::string& name) {
  if (name == "none") return {0, 0, 0, 1, 0};
  if (name == "lumina2-v1") return kLumina2First;
  if (name == "lumina2-v2") return kLumina2Second;
  throw Error(ErrorCode::kInvalidArgument, "unknown rescaling of a step cache \"" + name + "\"",
              "One of: none, lumina2-v1, lumina2-v2");
}

}  // namespace svg
