// A failed call on a file as a typed error.
#pragma once

#include <string>

#include "core/error.h"

namespace svg {

/// "cannot ACTION: REASON" of an errno: kDiskFull with a hint where no room is left, kIo otherwise.
Error file_error(const std::string& action, int code);

}  // namespace svg
