#include "io/config_beside.h"

#include <filesystem>

#include "core/error.h"
#include "io/regular_file.h"

namespace svg {

Json config_beside(const std::string& weights) {
  namespace fs = std::filesystem;
  const fs::path path(weights);
  const fs::path config = (fs::is_directory(path) ? path : path.parent_path()) / "config.json";
  if (!fs::is_regular_file(config)) return {};
  try {
    return read_json_file(config.string());
  } catch (const Error&) {
    return {};
  }
}

}  // namespace svg
