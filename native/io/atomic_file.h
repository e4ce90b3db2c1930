// A file that appears whole or not at all: written beside its place, synced, then renamed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace svg {

class AtomicFile {
 public:
  /// Opens ".NAME.partial" in the folder of `path`, which is created where it is missing. What an interrupted
  /// process left there is overwritten. Throws Error(kIo | kDiskFull) naming the file; kIo also where another
  /// process is writing it.
  explicit AtomicFile(const std::string& path);
  /// Removes the partial file where commit() was not reached.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws Error(kDiskFull | kIo).
  void write(const void* data, size_t size);
  uint64_t written() const { return written_; }
  /// Syncs the bytes, renames the file into place and syncs the folder.
  void commit();

 private:
  [[noreturn]] void fail(const char* action) const;

  std::string path_;
  std::string partial_;
  int descriptor_ = -1;
  uint64_t written_ = 0;
  bool committed_ = false;
};

}  // namespace svg
