// The job `convert`: any readable weight file as safetensors.
#pragma once

#include "core/json.h"
#include "core/request.h"
#include "io/converted_tensors.h"
#include "io/file_progress.h"

namespace svg {

/// {"input", "output", "dtype", "quantize", "maxShardBytes", "resume", "overwrite"} -> {"input", "files", "kept",
/// "tensors", "bytes", "remark", "int8"?: {"matrices", "leftOut": [names]}}.
///
/// `output` is a .safetensors file, or a folder that gets model.safetensors. Above `maxShardBytes` the
/// tensors go to NAME-00001-of-0000N.safetensors with an index beside them, as Hugging Face lays them out.
/// `dtype` fp32, bf16 or fp16 casts floating-point tensors and multiplies int8 matrices out, "keep" keeps them.
/// `quantize` "int8" makes int8 of the matrices that `choose` takes (io/int8_layout.h), "none" of none. Into a folder
/// that is int8, the small files beside the weights go along (io/companion_files.h).
/// Every file appears whole or not at all and is read back and compared. Files of an earlier, interrupted run that
/// hold the very bytes are kept ("kept" counts them) unless `resume` is false; other files in the way are an error
/// unless `overwrite` is true.
/// Throws as open_checkpoint does, to int8 as open_model; kInvalidArgument, kIo, kDiskFull, kCancelled; kNumeric where
/// fp16 overflows or a matrix that becomes int8 is not finite.
Json convert_file(const Request& request, const FileProgress& progress = {}, const Int8Chooser& choose = {});

}  // namespace svg
