// The directory of a zip file whose entries are stored, not compressed: what torch.save writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace svg {

struct ZipEntry {
  std::string name;
  uint64_t offset = 0;  // of the first data byte in the file
  uint64_t size = 0;
  uint32_t crc32 = 0;
};

/// Lists the entries in the order of their data. Reads nothing but the directory and the local headers;
/// entries that overlap, repeat a name, are compressed or encrypted, or leave the file are refused.
/// Throws Error(kFileFormat | kUnsafeFile) with the cause; the caller adds the file's name.
std::vector<ZipEntry> read_zip_directory(std::string_view file);

}  // namespace svg
