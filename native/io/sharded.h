// One state dict in several files: an index (*.safetensors.index.json, *.bin.index.json) or a folder.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "io/stored_tensors.h"

namespace svg {

/// What to do with a checkpoint of torch.distributed.checkpoint.
inline constexpr char kDistributedCheckpointHint[] =
    "Make one file of it: python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER out.pth "
    "(dcp_to_torch_save in Python).";

/// Opens one file; throws as open_checkpoint does.
using CheckpointOpener =
    std::function<std::shared_ptr<Checkpoint>(const std::string& path, const CheckpointOptions& options)>;

bool is_index_name(const std::string& path);

/// Opens the shards that an index names, each by `open`. Throws Error(kFileFormat | kFileNotFound | kUnsafeFile) where
/// the index is malformed, names a file outside its folder, or a tensor that its shard does not hold.
std::shared_ptr<Checkpoint> open_sharded(const std::string& index_path, const CheckpointOptions& options,
                                         const CheckpointOpener& open);

/// Opens what a folder holds: the file that `sample` would take, model.safetensors or an index, one checkpoint file, or
/// a set of shards, each by `open`.
/// Throws Error(kFileNotFound) where there is nothing, kInvalidArgument where it is not clear which file is meant.
std::shared_ptr<Checkpoint> open_checkpoint_folder(const std::string& folder, const CheckpointOptions& options,
                                                   const CheckpointOpener& open);

}  // namespace svg
