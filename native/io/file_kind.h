// Files that users take for checkpoints.
#pragma once

#include <string>
#include <string_view>

namespace svg {

/// What a file is instead of a checkpoint, with the reason where one is known ("looks like a web page: ...");
/// empty where nothing can be told.
std::string describe_foreign_file(std::string_view file);

}  // namespace svg
