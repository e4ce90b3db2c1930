// The safetensors format: 8 bytes of header length, a JSON header, the tensors' bytes without gaps.
#pragma once

#include <memory>
#include <string>

#include "io/checkpoint.h"

namespace svg {

/// One file. Throws Error(kFileFormat) where the header lies about itself or about the data.
std::shared_ptr<Checkpoint> open_safetensors(const std::string& path);

}  // namespace svg
