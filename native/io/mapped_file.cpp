#include "io/mapped_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "core/error.h"

namespace svg {
namespace {

// One engine thread opens, reads and closes the files of its models.
struct ThreadFiles {
  std::vector<std::weak_ptr<MappedFile>> open;
  size_t sweep_at = 64;
  std::optional<std::string> lost;  // a closed file
};

ThreadFiles& thread_files() {
  thread_local ThreadFiles files;
  return files;
}

void remember(const std::shared_ptr<MappedFile>& file) {
  ThreadFiles& files = thread_files();
  files.open.push_back(file);
  if (files.open.size() < files.sweep_at) return;
  std::erase_if(files.open, [](const std::weak_ptr<MappedFile>& each) { return each.expired(); });
  files.sweep_at = std::max<size_t>(64, 2 * files.open.size());
}

[[noreturn]] void fail_lost(const std::string& path) {
  throw Error(ErrorCode::kIo, concat(path, " was cut, or could not be read any more, while it was in use"),
              "Load it again once it is whole. Write a new file beside the old one and rename it, "
              "rather than over it while it is read.");
}

}  // namespace

std::shared_ptr<MappedFile> MappedFile::open(const std::string& path) {
  auto file = std::make_unique<const RegularFile>(path);
  const size_t size = file->size();
  SVG_CHECK(size > 0, ErrorCode::kFileFormat, path, " is empty");
  // Private and writable: libtorch wants mutable pointers, and a stray write must not reach the file.
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file->descriptor(), 0);
  SVG_CHECK(data != MAP_FAILED, ErrorCode::kIo, "cannot map ", path, ": ", std::strerror(errno));
  const std::shared_ptr<MappedFile> mapped(new MappedFile(path, std::move(file), static_cast<uint8_t*>(data)));
  remember(mapped);
  return mapped;
}

MappedFile::MappedFile(std::string path, std::unique_ptr<const RegularFile> file, uint8_t* data)
    : path_(std::move(path)), file_(std::move(file)), data_(data), size_(file_->size()) {
  guard_.emplace(data, size_);
}

// The rest of a file's last page reads as zeros without a signal.
bool MappedFile::is_lost() const { return guard_->is_lost() || file_->has_shrunk(); }

MappedFile::~MappedFile() {
  if (is_lost()) thread_files().lost = path_;
  guard_.reset();
  ::munmap(data_, size_);
}

void MappedFile::release(size_t offset, size_t length) const {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t first = (offset + page - 1) / page * page;
  const size_t last = (offset + length) / page * page;
  if (first < last) ::madvise(data_ + first, last - first, MADV_DONTNEED);
}

void check_mapped_files() {
  ThreadFiles& files = thread_files();
  if (files.lost) {
    const std::string path = *files.lost;
    files.lost.reset();
    fail_lost(path);
  }
  for (const std::weak_ptr<MappedFile>& each : files.open) {
    const std::shared_ptr<MappedFile> file = each.lock();
    if (file && file->is_lost()) fail_lost(file->path());
  }
}

void forget_closed_files() { thread_files().lost.reset(); }

}  // namespace svg
