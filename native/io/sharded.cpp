#include "io/sharded.h"

#include <algorithm>
#include <filesystem>
#include <regex>

#include "core/cancel.h"
#include "core/error.h"
#include "io/int8_layout.h"
#include "io/regular_file.h"
#include "io/text.h"

namespace svg {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxIndexBytes = 32'000'000;  // some 300,000 tensors
// The order in which `sample` looks for a transformer (lib/pipeline/dit-files.ts), then the names of other libraries.
constexpr const char* kUsualStems[] = {"consolidated_ema.00-of-01",
                                       "consolidated.ema.00-of-01",
                                       "consolidated_ema",
                                       "consolidated.00-of-01",
                                       "consolidated",
                                       "model",
                                       "diffusion_pytorch_model",
                                       "pytorch_model",
                                       "adapter_model"};
constexpr const char* kUsualExtensions[] = {".safetensors", ".safetensors.index.json", ".pth", ".pt",
                                            ".ckpt",        ".bin.index.json",         ".bin"};
constexpr const char* kSuffixes[] = {".safetensors", ".pth", ".pt", ".ckpt", ".bin"};

class ShardedCheckpoint : public Checkpoint {
 public:
  // From an index; `metadata` is the index's own.
  ShardedCheckpoint(const std::string& path, Json metadata) {
    path_ = path;
    metadata_ = std::move(metadata);
    files_.push_back(path);
  }

  std::shared_ptr<Checkpoint> add_shard(const std::string& path, const CheckpointOptions& options,
                                        const CheckpointOpener& open) {
    // Also keeps a folder whose index names the folder itself from going round for ever.
    SVG_CHECK(!fs::is_directory(path), ErrorCode::kFileFormat, path_, ": ", path, " is a folder, not a shard");
    auto shard = open(path, options);
    format_ = shard->format() + " (sharded)";
    files_.push_back(path);
    return shard;
  }

  void add_tensor(const std::string& name, const std::shared_ptr<Checkpoint>& shard) {
    const auto found = shard->tensors().find(name);
    SVG_CHECK(found != shard->tensors().end(), ErrorCode::kFileFormat, path_, ": tensor \"", printable(name),
              "\" is not in ", shard->path());
    SVG_CHECK(tensors_.emplace(name, found->second).second, ErrorCode::kFileFormat, path_, ": tensor \"",
              printable(name), "\" is in two shards");
    owners_[name] = shard;
  }

  /// Where there is no index that has it.
  void add_metadata(const Checkpoint& shard) {
    if (metadata_.is_null()) metadata_ = Json::object();
    join_int8_metadata(metadata_, shard);
  }

  at::Tensor read(const std::string& name) const override {
    readable(name);
    return owners_.at(name)->read(name);
  }

  at::Tensor read_part(const std::string& name, int64_t first, int64_t count) const override {
    readable(name);
    return owners_.at(name)->read_part(name, first, count);
  }

  void release(const std::string& name) const override {
    if (const auto found = owners_.find(name); found != owners_.end()) found->second->release(name);
  }

  std::vector<std::string> files() const override { return files_; }

 private:
  std::map<std::string, std::shared_ptr<Checkpoint>> owners_;
  std::vector<std::string> files_;
};

Json read_index(const std::string& path) {
  try {
    Json index = read_json_file(path, kMaxIndexBytes);
    index.at("weight_map").as_object();
    return index;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidConfig) throw;
    throw Error(ErrorCode::kFileFormat, concat(path, ": ", error.what()));
  }
}

std::vector<std::string> checkpoint_files(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool known = std::any_of(std::begin(kSuffixes), std::end(kSuffixes),
                                   [&](const char* suffix) { return name.ends_with(suffix); });
    if (entry.is_regular_file() && (known || is_index_name(name)) && name[0] != '.') names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Folders of weights that are not read, by the file that marks them.
void refuse_other_folders(const fs::path& folder) {
  const bool distributed =
      std::any_of(fs::directory_iterator(folder), fs::directory_iterator(),
                  [](const fs::directory_entry& entry) { return entry.path().extension() == ".distcp"; });
  if (distributed) {
    throw Error(ErrorCode::kFileFormat,
                concat(folder.string(), " is a distributed checkpoint (torch.distributed.checkpoint)"),
                kDistributedCheckpointHint);
  }
  if (fs::is_regular_file(folder / "model_index.json")) {
    throw Error(ErrorCode::kFileFormat, concat(folder.string(), " is a pipeline of diffusers, not one model"),
                "Name one of the folders in it to see what it holds; models of diffusers are not loaded.");
  }
}

// "model-00001-of-00003.safetensors": all parts of one set, each once.
bool is_shard_set(const std::vector<std::string>& names) {
  static const std::regex pattern(R"((.*)-(\d{5})-of-(\d{5})(\.[a-z]+))");
  std::string stem;
  for (size_t i = 0; i < names.size(); ++i) {
    std::smatch match;
    if (!std::regex_match(names[i], match, pattern)) return false;
    const std::string this_stem = match[1].str() + match[3].str() + match[4].str();
    if (i == 0) stem = this_stem;
    const bool complete = std::stoul(match[3]) == names.size() && std::stoul(match[2]) == i + 1;
    if (this_stem != stem || !complete) return false;
  }
  return !names.empty();
}

}  // namespace

bool is_index_name(const std::string& path) { return path.ends_with(".index.json"); }

std::shared_ptr<Checkpoint> open_sharded(const std::string& index_path, const CheckpointOptions& options,
                                         const CheckpointOpener& open) {
  const Json index = read_index(index_path);
  const Json* metadata = index.find("metadata");
  auto checkpoint = std::make_shared<ShardedCheckpoint>(index_path, metadata ? *metadata : Json());
  std::map<std::string, std::shared_ptr<Checkpoint>> shards;
  for (const auto& [tensor, file] : index.at("weight_map").as_object()) {
    const std::string name = file.is_string() ? file.as_string() : "";
    const bool plain = !name.empty() && name != "." && name != ".." && !is_index_name(name) &&
                       name.find_first_of(std::string("/\\\0", 3)) == std::string::npos;
    SVG_CHECK(plain, ErrorCode::kUnsafeFile, index_path, ": \"", printable(name), "\" is not a file beside the index");
    std::shared_ptr<Checkpoint>& shard = shards[name];
    if (!shard) check_cancelled();
    if (!shard) shard = checkpoint->add_shard((fs::path(index_path).parent_path() / name).string(), options, open);
    checkpoint->add_tensor(tensor, shard);
  }
  return checkpoint;
}

std::shared_ptr<Checkpoint> open_checkpoint_folder(const std::string& folder, const CheckpointOptions& options,
                                                   const CheckpointOpener& open) {
  refuse_other_folders(folder);
  const std::vector<std::string> names = checkpoint_files(folder);
  SVG_CHECK(!names.empty(), ErrorCode::kFileNotFound, "no checkpoint in the folder ", folder);
  const auto path_of = [&](const std::string& name) { return (fs::path(folder) / name).string(); };
  for (const char* stem : kUsualStems) {
    for (const char* extension : kUsualExtensions) {
      const std::string usual = std::string(stem) + extension;
      if (std::binary_search(names.begin(), names.end(), usual)) return open(path_of(usual), options);
    }
  }
  const auto index = std::find_if(names.begin(), names.end(), is_index_name);
  if (index != names.end() && std::count_if(names.begin(), names.end(), is_index_name) == 1) {
    return open_sharded(path_of(*index), options, open);
  }
  if (names.size() == 1) return open(path_of(names[0]), options);
  if (is_shard_set(names)) {
    auto checkpoint = std::make_shared<ShardedCheckpoint>(folder, Json());
    for (const std::string& name : names) {
      const auto shard = checkpoint->add_shard(path_of(name), options, open);
      for (const auto& entry : shard->tensors()) checkpoint->add_tensor(entry.first, shard);
      checkpoint->add_metadata(*shard);
    }
    return checkpoint;
  }
  std::string list;
  for (size_t i = 0; i < std::min<size_t>(names.size(), 5); ++i) list += (i ? ", " : "") + names[i];
  throw Error(ErrorCode::kInvalidArgument,
              concat("the folder ", folder, " holds ", names.size(), " checkpoint files (", list,
                     names.size() > 5 ? ", ..." : "", ") and no index that joins them"),
              "Name one of the files instead of the folder.");
}

}  // namespace svg
