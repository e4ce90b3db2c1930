// Which tensor goes to which file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "io/checkpoint.h"

namespace svg {

struct Shard {
  std::string file;  // name within the output folder
  std::map<std::string, TensorInfo> tensors;
};

struct ShardPlan {
  std::string folder;
  std::string index;  // name of the index file; empty for a single shard
  std::vector<Shard> shards;
  int64_t bytes = 0;
};

/// Fills shards in the order of the names, each up to `max_bytes`; a larger tensor gets a shard of its own. `together`
/// has tensors that go where another one goes. `output` ends in .safetensors or is a folder.
ShardPlan plan_shards(const std::string& output, const std::map<std::string, TensorInfo>& tensors, int64_t max_bytes,
                      const std::map<std::string, std::string>& together = {});

}  // namespace svg
