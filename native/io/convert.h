// The job `convert`: any readable weight file as safetensors.
#pragma once

#include "core/json.h"
#include "core/request.h"
#include "io/file_progress.h"

namespace svg {

/// {"input", "output", "dtype", "maxShardBytes", "resume", "overwrite"} -> {"input", "files", "kept", "tensors",
/// "bytes"}.
///
/// `output` is a .safetensors file, or a folder that gets model.safetensors. Above `maxShardBytes` the
/// tensors go to NAME-00001-of-0000N.safetensors with an index beside them, as Hugging Face lays them out.
/// `dtype` fp32, bf16 or fp16 casts floating-point tensors, "keep" keeps them.
/// Every file appears whole or not at all and is read back and compared. Files of an earlier, interrupted run that
/// hold the very bytes are kept ("kept" counts them) unless `resume` is false; other files in the way are an error
/// unless `overwrite` is true.
/// Throws as open_checkpoint does; kInvalidArgument, kIo, kDiskFull, kCancelled; kNumeric where fp16 overflows.
Json convert_file(const Request& request, const FileProgress& progress = {});

}  // namespace svg
