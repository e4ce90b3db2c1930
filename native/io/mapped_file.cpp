#include "io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace svg {

std::shared_ptr<MappedFile> MappedFile::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const ErrorCode code = errno == ENOENT || errno == ENOTDIR ? ErrorCode::kFileNotFound : ErrorCode::kIo;
    throw Error(code, concat("cannot open ", path, ": ", std::strerror(errno)));
  }
  struct stat info {};
  const int status = ::fstat(descriptor, &info);
  if (status != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) {
    ::close(descriptor);
    throw Error(ErrorCode::kFileFormat,
                concat(path, status == 0 && S_ISREG(info.st_mode) ? " is empty" : " is not a regular file"));
  }
  const auto size = static_cast<size_t>(info.st_size);
  // Private and writable: libtorch wants mutable pointers, and a stray write must not reach the file.
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0);
  const int map_error = errno;
  ::close(descriptor);
  SVG_CHECK(data != MAP_FAILED, ErrorCode::kIo, "cannot map ", path, ": ", std::strerror(map_error));
  return std::shared_ptr<MappedFile>(new MappedFile(path, static_cast<uint8_t*>(data), size));
}

MappedFile::MappedFile(std::string path, uint8_t* data, size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::~MappedFile() { ::munmap(data_, size_); }

void MappedFile::release(size_t offset, size_t length) const {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t first = (offset + page - 1) / page * page;
  const size_t last = (offset + length) / page * page;
  if (first < last) ::madvise(data_ + first, last - first, MADV_DONTNEED);
}

}  // namespace svg
