#include "io/model_config.h"

#include <cctype>
#include <filesystem>

#include "core/error.h"
#include "io/quantised.h"
#include "io/regular_file.h"

namespace svg {
namespace {

/// The statistics of every cell that diffusers' AutoencoderRAE writes there take 32 MB at 448 pixels.
constexpr size_t kMaxModelConfigBytes = size_t{256} << 20;

/// How far a table of numbers reaches that begins with '[' at `at`: behind its last bracket, or to what no table holds.
struct TableEnd {
  size_t at = 0;
  bool whole = false;
};

TableEnd end_of_table(const std::string& text, size_t at) {
  int64_t depth = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '[') ++depth;
    if (text[at] == ']' && --depth == 0) return {at + 1, true};
    if (text[at] == '"' || text[at] == '{') break;
  }
  return {at, false};
}

bool opens_table(const std::string& text, size_t at) {
  int64_t brackets = 0;
  for (; at < text.size() && brackets < 3; ++at) {
    if (text[at] == '[') {
      ++brackets;
    } else if (!std::isspace(static_cast<unsigned char>(text[at]))) {
      return false;
    }
  }
  return brackets == 3;
}

/// Null in the place of tables of three dimensions or more: the weights hold them too.
std::string without_tables(const std::string& text) {
  std::string kept;
  bool in_text = false;
  for (size_t at = 0; at < text.size(); ++at) {
    if (in_text && text[at] == '\\' && at + 1 < text.size()) {
      kept += text[at++];
    } else if (text[at] == '"') {
      in_text = !in_text;
    } else if (!in_text && text[at] == '[' && opens_table(text, at)) {
      // What was looked at is not looked at again, or brackets that nothing closes would take quadratic time.
      const TableEnd end = end_of_table(text, at);
      kept += end.whole ? "null" : text.substr(at, end.at - at);
      at = end.at - 1;
      continue;
    }
    kept += text[at];
  }
  return kept;
}

Json parse_model_config(const std::string& path) {
  const std::string text = without_tables(read_small_file(path, kMaxModelConfigBytes));
  try {
    return Json::parse(text);
  } catch (const Error& error) {
    throw Error(ErrorCode::kFileFormat, concat(path, ": ", error.what()));
  }
}

}  // namespace

Json read_model_config(const std::string& weights) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::is_directory(weights) ? fs::path(weights) : fs::path(weights).parent_path();
  const std::string path = (folder / "config.json").string();
  if (!fs::exists(path)) return {};
  Json config = parse_model_config(path);
  SVG_CHECK(config.is_object(), ErrorCode::kFileFormat, path, ": not a JSON object");
  refuse_quantised(config, path);
  return config;
}

}  // namespace svg
