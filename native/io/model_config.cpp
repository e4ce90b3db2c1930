#include "io/model_config.h"

#include <filesystem>

#include "core/error.h"
#include "io/quantised.h"
#include "io/regular_file.h"

namespace svg {

Json read_model_config(const std::string& weights) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::is_directory(weights) ? fs::path(weights) : fs::path(weights).parent_path();
  const std::string path = (folder / "config.json").string();
  if (!fs::exists(path)) return {};
  Json config = read_json_file(path);
  SVG_CHECK(config.is_object(), ErrorCode::kFileFormat, path, ": not a JSON object");
  refuse_quantised(config, path);
  return config;
}

}  // namespace svg
