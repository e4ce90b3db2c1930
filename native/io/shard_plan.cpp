#include "io/shard_plan.h"

#include <cstdio>
#include <filesystem>

#include "core/error.h"

namespace svg {

namespace fs = std::filesystem;

ShardPlan plan_shards(const std::string& output, const std::map<std::string, TensorInfo>& tensors, int64_t max_bytes,
                      const std::map<std::string, std::string>& together) {
  SVG_CHECK(max_bytes > 0, ErrorCode::kInvalidArgument, "a shard needs more than ", max_bytes, " bytes");
  ShardPlan plan;
  const fs::path path(output);
  const bool file = output.ends_with(".safetensors") && !fs::is_directory(path);
  const std::string stem = file ? path.stem().string() : "model";
  const fs::path folder = file ? path.parent_path() : path;
  plan.folder = folder.empty() ? "." : folder.string();
  plan.shards.emplace_back();
  int64_t filled = 0;
  std::map<std::string, std::vector<std::string>> followers;
  for (const auto& [name, leader] : together) followers[leader].push_back(name);
  for (const auto& [name, info] : tensors) {
    if (together.count(name)) continue;
    std::map<std::string, TensorInfo> group = {{name, info}};
    for (const std::string& follower : followers[name]) group[follower] = tensors.at(follower);
    int64_t bytes = 0;
    for (const auto& entry : group) bytes += entry.second.bytes();
    if (filled > 0 && bytes > max_bytes - filled) {
      plan.shards.emplace_back();
      filled = 0;
    }
    plan.shards.back().tensors.merge(group);
    filled += bytes;
    plan.bytes += bytes;
  }
  if (plan.shards.size() == 1) {
    plan.shards[0].file = stem + ".safetensors";
    return plan;
  }
  plan.index = stem + ".safetensors.index.json";
  for (size_t i = 0; i < plan.shards.size(); ++i) {
    char number[32];
    std::snprintf(number, sizeof number, "-%05zu-of-%05zu", i + 1, plan.shards.size());
    plan.shards[i].file = stem + number + ".safetensors";
  }
  return plan;
}

}  // namespace svg
