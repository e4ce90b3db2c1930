// One state dict in several files: an index (*.safetensors.index.json, *.bin.index.json) or a folder.
#pragma once

#include <memory>
#include <string>

#include "io/checkpoint.h"

namespace svg {

bool is_index_name(const std::string& path);

/// Opens the shards that an index names. Throws Error(kFileFormat | kFileNotFound | kUnsafeFile) where the index
/// is malformed, names a file outside its folder, or a tensor that its shard does not hold.
std::shared_ptr<Checkpoint> open_sharded(const std::string& index_path, const CheckpointOptions& options);

/// Opens what a folder holds: an index, model.safetensors, one checkpoint file, or a set of shards.
/// Throws Error(kFileNotFound) where there is nothing, kInvalidArgument where it is not clear which file is meant.
std::shared_ptr<Checkpoint> open_checkpoint_folder(const std::string& folder, const CheckpointOptions& options);

}  // namespace svg
