#include "io/shard_plan.h"

#include <cstdio>
#include <filesystem>

#include "core/error.h"

namespace svg {

namespace fs = std::filesystem;

ShardPlan plan_shards(const std::string& output, const std::map<std::string, TensorInfo>& tensors, int64_t max_bytes) {
  SVG_CHECK(max_bytes > 0, ErrorCode::kInvalidArgument, "a shard needs more than ", max_bytes, " bytes");
  ShardPlan plan;
  const fs::path path(output);
  const bool file = output.ends_with(".safetensors") && !fs::is_directory(path);
  const std::string stem = file ? path.stem().string() : "model";
  const fs::path folder = file ? path.parent_path() : path;
  plan.folder = folder.empty() ? "." : folder.string();
  plan.shards.emplace_back();
  int64_t filled = 0;
  for (const auto& [name, info] : tensors) {
    if (filled > 0 && info.bytes() > max_bytes - filled) {
      plan.shards.emplace_back();
      filled = 0;
    }
    plan.shards.back().tensors[name] = info;
    filled = filled + info.bytes();
    plan.bytes += info.bytes();
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
