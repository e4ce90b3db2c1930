// The job `verify`: whether a weight file is whole, finite, and the one that was published.
#pragma once

#include "core/json.h"
#include "core/request.h"
#include "io/file_progress.h"
#include "io/identify.h"

namespace svg {

/// {"path", "sha256"?} -> {"path", "format", "description", "ok", "problems": [text], "files": [{"path", "bytes",
/// "sha256"}], "tensors", "totalBytes", "nan", "inf", "notFinite": [{"name", "nan", "inf"}]}.
/// Reads every byte. Problems are values that are not finite, a hash other than the wanted one or than the
/// eight digits in the names of published files ("-4057cbaa.pth"), a wrong total in an index.
/// Throws as open_checkpoint does, and kCancelled.
Json verify_file(const Request& request, const FileProgress& progress = {}, const ModelRecogniser& recognise = {});

}  // namespace svg
