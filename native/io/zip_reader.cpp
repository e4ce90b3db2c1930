#include "io/zip_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_set>

#include "core/cancel.h"
#include "core/error.h"
#include "io/text.h"

namespace svg {
namespace {

// Little-endian records of the format (PKWARE APPNOTE 6.3): signatures and fixed sizes.
constexpr uint32_t kLocalHeader = 0x04034b50;
constexpr uint32_t kCentralHeader = 0x02014b50;
constexpr uint32_t kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50;
constexpr uint32_t kEnd64Locator = 0x07064b50;
constexpr size_t kLocalHeaderSize = 30;
constexpr size_t kCentralSize = 46;
constexpr size_t kEndSize = 22;
constexpr size_t kEnd64Size = 56;
constexpr size_t kEnd64LocatorSize = 20;
constexpr size_t kMaxComment = 65535;
constexpr uint64_t kMaxEntries = 1'000'000;
constexpr uint64_t kEntriesPerCheck = 4096;
constexpr uint16_t kZip64ExtraId = 1;
constexpr uint16_t kEncrypted = 1u << 0;
constexpr uint16_t kSizesFollow = 1u << 3;
constexpr uint32_t kInZip64 = 0xFFFFFFFFu;

[[noreturn]] void fail_zip(const std::string& cause) { throw Error(ErrorCode::kFileFormat, cause); }
[[noreturn]] void refuse_zip(const std::string& cause) { throw Error(ErrorCode::kUnsafeFile, cause); }

struct Directory {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t entries = 0;
};

class ZipDirectoryReader {
 public:
  explicit ZipDirectoryReader(std::string_view file) : file_(file) {}

  std::vector<ZipEntry> read() {
    directory_ = find_directory();
    read_central_headers();
    std::sort(entries_.begin(), entries_.end(),
              [](const Located& left, const Located& right) { return left.header < right.header; });
    std::vector<ZipEntry> result;
    result.reserve(entries_.size());
    for (size_t i = 0; i < entries_.size(); ++i) {
      const uint64_t limit = i + 1 < entries_.size() ? entries_[i + 1].header : directory_.offset;
      locate_data(entries_[i], limit);
      result.push_back(std::move(entries_[i].entry));
    }
    return result;
  }

 private:
  struct Located {
    ZipEntry entry;
    uint64_t header = 0;  // offset of the local header
  };

  template <typename T>
  T read_at(uint64_t offset) const {
    if (offset > file_.size() || file_.size() - offset < sizeof(T)) fail_zip("the zip directory is cut");
    T value;
    std::memcpy(&value, file_.data() + offset, sizeof(T));
    return value;
  }

  // The end record closes the file; its comment is the only thing that may follow.
  uint64_t find_end() const {
    if (file_.size() < kEndSize) fail_zip("cut: the file is shorter than a zip directory");
    const uint64_t last = file_.size() - kEndSize;
    const uint64_t first = last > kMaxComment ? last - kMaxComment : 0;
    for (uint64_t at = last + 1; at-- > first;) {
      if (read_at<uint32_t>(at) == kEnd && read_at<uint16_t>(at + 20) == last - at) return at;
    }
    fail_zip("cut or damaged: the zip directory at its end is missing");
  }

  Directory find_directory() const {
    const uint64_t end = find_end();
    if (read_at<uint16_t>(end + 4) != 0 || read_at<uint16_t>(end + 6) != 0) fail_zip("a zip of several volumes");
    Directory found{read_at<uint32_t>(end + 16), read_at<uint32_t>(end + 12), read_at<uint16_t>(end + 10)};
    uint64_t directory_end = end;
    if (end >= kEnd64LocatorSize && read_at<uint32_t>(end - kEnd64LocatorSize) == kEnd64Locator) {
      const uint64_t end64 = read_at<uint64_t>(end - kEnd64LocatorSize + 8);
      if (end64 > end - kEnd64LocatorSize || end - kEnd64LocatorSize - end64 < kEnd64Size ||
          read_at<uint32_t>(end64) != kEnd64) {
        fail_zip("the zip64 directory record is damaged");
      }
      found = {read_at<uint64_t>(end64 + 48), read_at<uint64_t>(end64 + 40), read_at<uint64_t>(end64 + 32)};
      directory_end = end64;
    }
    if (found.offset > directory_end || found.size != directory_end - found.offset) {
      fail_zip("the zip directory is not where the file says");
    }
    if (found.entries > kMaxEntries || found.entries > found.size / kCentralSize) {
      fail_zip(concat("the zip directory claims ", found.entries, " entries in ", found.size, " bytes"));
    }
    return found;
  }

  void read_central_headers() {
    uint64_t at = directory_.offset;
    const uint64_t end = directory_.offset + directory_.size;
    std::unordered_set<std::string> names;
    for (uint64_t i = 0; i < directory_.entries; ++i) {
      if (i % kEntriesPerCheck == 0) check_cancelled();
      if (end - at < kCentralSize || read_at<uint32_t>(at) != kCentralHeader) fail_zip("the zip directory is damaged");
      const uint64_t name_size = read_at<uint16_t>(at + 28);
      const uint64_t extra_size = read_at<uint16_t>(at + 30);
      const uint64_t comment_size = read_at<uint16_t>(at + 32);
      const uint64_t total = kCentralSize + name_size + extra_size + comment_size;
      if (end - at < total) fail_zip("the zip directory is cut");
      Located located;
      located.entry.name = std::string(file_.substr(at + kCentralSize, name_size));
      const std::string shown = printable(located.entry.name);
      check_name(located.entry.name, shown);
      if (!names.insert(located.entry.name).second) refuse_zip(concat("zip entry \"", shown, "\" appears twice"));
      if (read_at<uint16_t>(at + 8) & kEncrypted) fail_zip(concat("zip entry \"", shown, "\" is encrypted"));
      if (read_at<uint16_t>(at + 10) != 0) {
        fail_zip(concat("zip entry \"", shown, "\" is compressed; torch.save stores entries as they are"));
      }
      located.entry.crc32 = read_at<uint32_t>(at + 16);
      uint64_t packed = read_at<uint32_t>(at + 20);
      located.entry.size = read_at<uint32_t>(at + 24);
      located.header = read_at<uint32_t>(at + 42);
      read_zip64_extra(at + kCentralSize + name_size, extra_size, located, packed);
      if (packed != located.entry.size) fail_zip(concat("zip entry \"", shown, "\" has two different sizes"));
      entries_.push_back(std::move(located));
      at += total;
    }
    if (at != end) fail_zip("the zip directory holds more than it counts");
  }

  static void check_name(std::string_view name, const std::string& shown) {
    const bool odd = name.empty() || name.front() == '/' || name.find('\\') != name.npos ||
                     name.find('\0') != name.npos || !is_utf8(name);
    bool climbs = false;
    for (size_t start = 0; start <= name.size();) {
      const size_t stop = std::min(name.find('/', start), name.size());
      climbs = climbs || name.substr(start, stop - start) == "..";
      start = stop + 1;
    }
    if (odd || climbs) refuse_zip(concat("zip entry \"", shown, "\" has a name that leaves the archive"));
  }

  // Sizes and offset that do not fit 32 bits stand in an extra field, in this order.
  void read_zip64_extra(uint64_t at, uint64_t size, Located& located, uint64_t& packed) const {
    const uint64_t end = at + size;
    while (end - at >= 4) {
      const uint16_t id = read_at<uint16_t>(at);
      const uint64_t length = read_at<uint16_t>(at + 2);
      at += 4;
      if (end - at < length) fail_zip("a zip extra field is cut");
      if (id == kZip64ExtraId) {
        uint64_t field = at;
        for (uint64_t* value : {&located.entry.size, &packed, &located.header}) {
          if (*value != kInZip64) continue;
          if (at + length - field < 8) fail_zip("a zip64 field is cut");
          *value = read_at<uint64_t>(field);
          field += 8;
        }
      }
      at += length;
    }
  }

  // The local header repeats the name and says where the data begin; the next header ends them.
  void locate_data(Located& located, uint64_t limit) const {
    ZipEntry& entry = located.entry;
    const std::string shown = printable(entry.name);
    if (located.header > limit || limit - located.header < kLocalHeaderSize ||
        read_at<uint32_t>(located.header) != kLocalHeader) {
      refuse_zip(concat("zip entry \"", shown, "\" overlaps another or lies outside the file"));
    }
    const uint64_t name_size = read_at<uint16_t>(located.header + 26);
    const uint64_t extra_size = read_at<uint16_t>(located.header + 28);
    const uint64_t skip = kLocalHeaderSize + name_size + extra_size;
    if (limit - located.header < skip || limit - located.header - skip < entry.size) {
      refuse_zip(concat("zip entry \"", shown, "\" of ", entry.size, " bytes overlaps another or leaves the file"));
    }
    const uint16_t flags = read_at<uint16_t>(located.header + 6);
    const uint32_t size = read_at<uint32_t>(located.header + 22);
    const bool other_size = (flags & kSizesFollow) == 0 && size != kInZip64 && size != entry.size;
    if (read_at<uint16_t>(located.header + 8) != 0 || other_size ||
        file_.substr(located.header + kLocalHeaderSize, name_size) != entry.name) {
      refuse_zip(concat("zip entry \"", shown, "\" differs between the directory and its own header"));
    }
    entry.offset = located.header + skip;
  }

  std::string_view file_;
  Directory directory_;
  std::vector<Located> entries_;
};

}  // namespace

std::vector<ZipEntry> read_zip_directory(std::string_view file) { return ZipDirectoryReader(file).read(); }

}  // namespace svg
