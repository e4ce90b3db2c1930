#include "core/file_error.h"

#include <cerrno>
#include <cstring>

namespace svg {

Error file_error(const std::string& action, int code) {
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  return Error(full ? ErrorCode::kDiskFull : ErrorCode::kIo, concat("cannot ", action, ": ", std::strerror(code)),
               full ? "Free space on the disk or choose another folder." : "");
}

}  // namespace svg
