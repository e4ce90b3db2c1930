// A read-only memory map of a whole file, shared by the tensors that view it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace svg {

class MappedFile {
 public:
  /// Throws Error(kFileNotFound | kIo | kFileFormat for an empty file or a folder).
  static std::shared_ptr<MappedFile> open(const std::string& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  const std::string& path() const { return path_; }
  /// Lets the system drop the pages of a range that was read and copied.
  void release(size_t offset, size_t length) const;

 private:
  MappedFile(std::string path, uint8_t* data, size_t size);

  std::string path_;
  uint8_t* data_;
  size_t size_;
};

}  // namespace svg
