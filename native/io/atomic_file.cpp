#include "io/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "core/error.h"
#include "core/file_error.h"

namespace svg {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxWrite = size_t{64} << 20;  // a call stays short, so that a signal is not held up

fs::path folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // a folder that may be written but not listed
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(path) {
  const fs::path folder = folder_of(path);
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) {
    errno = code.value();
    fail("create the folder of");
  }
  partial_ = (folder / concat(".", fs::path(path).filename().string(), ".partial")).string();
  descriptor_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (descriptor_ < 0) fail("create");
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    ::close(descriptor_);
    descriptor_ = -1;
    throw Error(ErrorCode::kIo, concat("cannot write ", path_, ": another process is writing it"));
  }
  if (::ftruncate(descriptor_, 0) != 0) fail("empty");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  if (!committed_) ::unlink(partial_.c_str());
  ::close(descriptor_);
}

void AtomicFile::fail(const char* action) const { throw file_error(concat(action, " ", path_), errno); }

void AtomicFile::write(const void* data, size_t size) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  while (size > 0) {
    const ssize_t count = ::write(descriptor_, bytes, std::min(size, kMaxWrite));
    if (count < 0) {
      if (errno == EINTR) continue;
      fail("write");
    }
    bytes += count;
    size -= static_cast<size_t>(count);
    written_ += static_cast<uint64_t>(count);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("write");
  if (::rename(partial_.c_str(), path_.c_str()) != 0) fail("put in place");
  committed_ = true;
  sync_folder(folder_of(path_));
}

}  // namespace svg
