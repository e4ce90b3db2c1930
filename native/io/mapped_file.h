// A read-only memory map of a whole file, shared by the tensors that view it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "io/map_guard.h"
#include "io/regular_file.h"

namespace svg {

class MappedFile {
 public:
  /// Throws Error(kFileNotFound | kIo | kFileFormat for an empty file, a folder, a pipe or a device).
  static std::shared_ptr<MappedFile> open(const std::string& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  const std::string& path() const { return path_; }
  /// Lets the system drop the pages of a range that was read and copied.
  void release(size_t offset, size_t length) const;
  /// Whether a part of the file went away under the map, which then reads as zeros.
  bool is_lost() const;

 private:
  MappedFile(std::string path, std::unique_ptr<const RegularFile> file, uint8_t* data);

  std::string path_;
  std::unique_ptr<const RegularFile> file_;
  uint8_t* data_;
  size_t size_;
  std::optional<MapGuard> guard_;  // ends before the map does
};

/// Throws Error(kIo) where a file that this thread has opened was cut or could not be read while it was mapped: what
/// was made of it is not to be trusted. Files that stay open are told of every time, closed ones once.
void check_mapped_files();

/// Forgets the closed ones: what begins now has not read them.
void forget_closed_files();

}  // namespace svg
