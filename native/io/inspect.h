// The job `inspect`: what a weight file holds, without reading its tensors.
#pragma once

#include "core/json.h"
#include "core/request.h"
#include "io/identify.h"

namespace svg {

/// {"path"} -> {"path", "format", "kind", "description", "root", "files", "tensors": [{"name", "dtype", "shape",
/// "bytes"}], "metadata", "parameters", "totalBytes", "fileBytes", "hint"?}. "hint" says what to do with a file that
/// cannot be loaded as it is. Throws as open_checkpoint does.
Json inspect_file(const Request& request, const ModelRecogniser& recognise = {});

}  // namespace svg
