// Writes zip files of stored entries whose data are aligned to 64 bytes, as torch.save lays them out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/atomic_file.h"

namespace svg {

class ZipWriter {
 public:
  explicit ZipWriter(const std::string& path) : file_(path) {}

  void add(const std::string& name, const void* data, uint64_t size);
  void add(const std::string& name, const std::string& text) { add(name, text.data(), text.size()); }
  /// Writes the directory and puts the file in place.
  void commit();

 private:
  struct Entry {
    std::string name;
    uint64_t size = 0;
    uint64_t header = 0;
    uint32_t crc = 0;
  };

  AtomicFile file_;
  std::vector<Entry> entries_;
};

}  // namespace svg
