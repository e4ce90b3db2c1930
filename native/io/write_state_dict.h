// Writes a state dict in the format that the path asks for.
#pragma once

#include <string>
#include <vector>

#include "core/weights.h"

namespace svg {

/// .safetensors, or else a file as torch.save writes it, there below the keys of `nesting`, e.g. {"state_dict"}.
/// Throws Error(kIo | kDiskFull).
void write_state_dict(const std::string& path, const TensorMap& tensors, const std::vector<std::string>& nesting = {});

}  // namespace svg
