// Opening files that users name: at once, and only what can be read from front to back again.
#pragma once

#include <cstddef>
#include <string>

#include "core/json.h"

namespace svg {

/// An open descriptor that closes itself.
class RegularFile {
 public:
  /// Throws Error(kFileNotFound | kIo); kFileFormat for a folder, a pipe, a socket or a device, without waiting for
  /// whoever may write to it.
  explicit RegularFile(const std::string& path);
  ~RegularFile();
  RegularFile(const RegularFile&) = delete;
  RegularFile& operator=(const RegularFile&) = delete;

  int descriptor() const { return descriptor_; }
  size_t size() const { return size_; }
  /// Whether the file is shorter now than it was when it was opened.
  bool has_shrunk() const;

 private:
  int descriptor_ = -1;
  size_t size_ = 0;
};

/// The whole text of a small file. Throws as RegularFile does, and kFileFormat above `max_bytes`.
std::string read_small_file(const std::string& path, size_t max_bytes);

/// A config.json or its like. Throws as read_small_file does, kFileFormat naming the file where it is no JSON.
Json read_json_file(const std::string& path, size_t max_bytes = size_t{4} << 20);

}  // namespace svg
