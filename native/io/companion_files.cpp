#include "io/companion_files.h"

#include <filesystem>

#include "core/error.h"
#include "io/atomic_file.h"
#include "io/regular_file.h"

namespace svg {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCompanionNames[] = {
    "config.json",     "generation_config.json", "model_args.json",         "tokenizer.json",   "tokenizer_config.json",
    "tokenizer.model", "added_tokens.json",      "special_tokens_map.json", "class_names.json", "class_names.txt"};
constexpr size_t kMostCompanionBytes = size_t{64} << 20;

fs::path companions_folder(const std::string& input) {
  const fs::path path(input);
  const fs::path folder = fs::is_directory(path) ? path : path.parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

}  // namespace

std::vector<std::string> companion_files(const std::string& input) {
  std::vector<std::string> names;
  for (const char* name : kCompanionNames) {
    if (fs::is_regular_file(companions_folder(input) / name)) names.emplace_back(name);
  }
  return names;
}

CompanionCopies::CompanionCopies(const std::string& input, const std::string& folder, bool overwrite) {
  const fs::path from = companions_folder(input), to(folder);
  if (fs::exists(to) && fs::equivalent(from, to)) return;
  for (const std::string& name : companion_files(input)) {
    Copy copy{(from / name).string(), (to / name).string(), false};
    if (fs::exists(copy.to)) {
      copy.is_there = fs::is_regular_file(copy.to) && fs::file_size(copy.to) == fs::file_size(copy.from) &&
                      read_small_file(copy.to, kMostCompanionBytes) == read_small_file(copy.from, kMostCompanionBytes);
      SVG_CHECK(copy.is_there || overwrite, ErrorCode::kInvalidArgument, copy.to, " exists and is not ", copy.from,
                ", which goes along with the weights (--overwrite replaces it)");
    }
    copies_.push_back(std::move(copy));
  }
}

void CompanionCopies::write() const {
  for (const Copy& copy : copies_) {
    if (copy.is_there) continue;
    const std::string bytes = read_small_file(copy.from, kMostCompanionBytes);
    AtomicFile file(copy.to);
    file.write(bytes.data(), bytes.size());
    file.commit();
  }
}

std::vector<std::string> CompanionCopies::paths() const {
  std::vector<std::string> paths;
  for (const Copy& copy : copies_) paths.push_back(copy.to);
  return paths;
}

}  // namespace svg
