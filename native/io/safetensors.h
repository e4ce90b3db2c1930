// The safetensors format: 8 bytes of header length, a JSON header, the tensors' bytes without gaps.
#pragma once

#include <memory>
#include <string_view>

#include "io/mapped_file.h"
#include "io/stored_tensors.h"

namespace svg {

/// True where a header length that fits the file is followed by a JSON object.
bool looks_like_safetensors(std::string_view file);

/// One file. Throws Error(kFileFormat) where the header lies about itself or about the data.
std::shared_ptr<Checkpoint> open_safetensors(std::shared_ptr<MappedFile> file);

}  // namespace svg
