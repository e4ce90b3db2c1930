#include "io/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace svg {
namespace {

[[noreturn]] void fail_to_open(const std::string& path, int error) {
  const ErrorCode code = error == ENOENT || error == ENOTDIR ? ErrorCode::kFileNotFound : ErrorCode::kIo;
  throw Error(code, concat("cannot open ", path, ": ", std::strerror(error)));
}

void require_regular(const std::string& path, mode_t mode) {
  if (S_ISREG(mode)) return;
  const char* what = S_ISDIR(mode)    ? "a folder"
                     : S_ISFIFO(mode) ? "a named pipe"
                     : S_ISSOCK(mode) ? "a socket"
                     : S_ISCHR(mode)  ? "a device"
                     : S_ISBLK(mode)  ? "a block device"
                                      : "a special file";
  throw Error(ErrorCode::kFileFormat, concat(path, " is ", what, ", not a regular file"));
}

}  // namespace

RegularFile::RegularFile(const std::string& path) {
  struct stat info {};
  // Looked at before it is opened: opening a device may do something, and opening a pipe waits.
  if (::stat(path.c_str(), &info) != 0) fail_to_open(path, errno);
  require_regular(path, info.st_mode);
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail_to_open(path, errno);
  try {
    if (::fstat(descriptor_, &info) != 0) fail_to_open(path, errno);
    require_regular(path, info.st_mode);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
  size_ = static_cast<size_t>(info.st_size);
}

RegularFile::~RegularFile() { ::close(descriptor_); }

bool RegularFile::has_shrunk() const {
  struct stat info {};
  return ::fstat(descriptor_, &info) != 0 || static_cast<size_t>(info.st_size) < size_;
}

std::string read_small_file(const std::string& path, size_t max_bytes) {
  const RegularFile file(path);
  SVG_CHECK(file.size() <= max_bytes, ErrorCode::kFileFormat, path, " has ", file.size(), " bytes, more than the ",
            max_bytes, " that are read");
  std::string text(file.size(), '\0');
  size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = ::read(file.descriptor(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    SVG_CHECK(got >= 0, ErrorCode::kIo, "cannot read ", path, ": ", std::strerror(errno));
    if (got == 0) break;  // cut meanwhile
    filled += static_cast<size_t>(got);
  }
  text.resize(filled);
  return text;
}

Json read_json_file(const std::string& path, size_t max_bytes) {
  const std::string text = read_small_file(path, max_bytes);
  try {
    return Json::parse(text);
  } catch (const Error& error) {
    throw Error(ErrorCode::kFileFormat, concat(path, ": ", error.what()));
  }
}

}  // namespace svg
