// Files of torch.save: the zip format (PyTorch 1.6 and later) and the older sequence of pickles.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/mapped_file.h"
#include "io/stored_tensors.h"

namespace svg {

/// True where the first bytes are those of either format.
bool looks_like_torch_file(std::string_view file);

/// Reads names, shapes and plain values; tensors stay mapped until they are read. Runs nothing.
/// `root` names the keys that lead to the state dict; without it the usual wrappers are followed.
/// Throws Error(kFileFormat | kUnsafeFile) naming the file and the cause.
std::shared_ptr<Checkpoint> open_torch_file(std::shared_ptr<MappedFile> file,
                                            const std::optional<std::vector<std::string>>& root);

}  // namespace svg
