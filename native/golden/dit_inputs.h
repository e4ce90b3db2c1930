// Inputs that the cases of the diffusion transformer and of its training share.
#pragma once

#include "golden/case.h"

namespace svg {

/// "name" as a batch, or "name.0", "name.1", ... as a list.
std::vector<at::Tensor> golden_tensors(const GoldenCase& golden, const std::string& name);

/// The valid tokens of every row of caption_features; caption_mask must be ones, then zeros.
std::vector<at::Tensor> golden_captions(const GoldenCase& golden, const std::string& prefix);

}  // namespace svg
