#include "io/zip_writer.h"

#include <cstring>

#include "core/crc32.h"

namespace svg {
namespace {

constexpr uint64_t kAlignment = 64;
constexpr uint64_t kLocalSize = 30;
constexpr uint64_t kMax32 = 0xFFFFFFFF;
constexpr uint16_t kVersion = 45;  // zip64
constexpr uint16_t kUtf8Names = 1 << 11;
constexpr uint16_t kDate1980 = 0x21;  // 1 January, the first day a zip can name
constexpr uint16_t kZip64Extra = 1;
constexpr uint16_t kPaddingExtra = 0x4246;  // "FB", the field that torch pads with

class Record {
 public:
  template <typename T>
  Record& put(T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    text_.append(bytes, sizeof value);
    return *this;
  }
  Record& put(const std::string& text) {
    text_ += text;
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

uint32_t low(uint64_t value) { return static_cast<uint32_t>(value < kMax32 ? value : kMax32); }

// version, flags, method, time, date, crc, packed size, size, name length: shared by both headers
void put_common(Record& record, const std::string& name, uint32_t crc, uint64_t size) {
  record.put(kVersion).put(kUtf8Names).put(uint16_t{0}).put(uint16_t{0}).put(kDate1980).put(crc);
  record.put(low(size)).put(low(size)).put(static_cast<uint16_t>(name.size()));
}

}  // namespace

void ZipWriter::add(const std::string& name, const void* data, uint64_t size) {
  const Entry entry{name, size, file_.written(), crc32(data, size)};
  Record extra;
  if (size >= kMax32) extra.put(kZip64Extra).put(uint16_t{16}).put(size).put(size);
  const uint64_t end = entry.header + kLocalSize + name.size() + extra.text().size() + 4;
  const uint64_t padding = (kAlignment - end % kAlignment) % kAlignment;
  extra.put(kPaddingExtra).put(static_cast<uint16_t>(padding)).put(std::string(padding, 'Z'));
  Record header;
  header.put(uint32_t{0x04034b50});
  put_common(header, name, entry.crc, size);
  header.put(static_cast<uint16_t>(extra.text().size())).put(name).put(extra.text());
  file_.write(header.text().data(), header.text().size());
  file_.write(data, size);
  entries_.push_back(entry);
}

void ZipWriter::commit() {
  const uint64_t start = file_.written();
  for (const Entry& entry : entries_) {
    Record extra;
    if (entry.size >= kMax32) extra.put(entry.size).put(entry.size);
    if (entry.header >= kMax32) extra.put(entry.header);
    Record record;
    record.put(uint32_t{0x02014b50}).put(kVersion);
    put_common(record, entry.name, entry.crc, entry.size);
    const auto length = static_cast<uint16_t>(extra.text().size());
    record.put(static_cast<uint16_t>(length ? length + 4 : 0)).put(uint16_t{0}).put(uint16_t{0}).put(uint16_t{0});
    record.put(uint32_t{0}).put(low(entry.header)).put(entry.name);
    if (length) record.put(kZip64Extra).put(length).put(extra.text());
    file_.write(record.text().data(), record.text().size());
  }
  const uint64_t end = file_.written();
  const uint64_t count = entries_.size();
  Record record;  // the zip64 end, its locator, the end
  record.put(uint32_t{0x06064b50}).put(uint64_t{44}).put(kVersion).put(kVersion).put(uint32_t{0}).put(uint32_t{0});
  record.put(count).put(count).put(end - start).put(start);
  record.put(uint32_t{0x07064b50}).put(uint32_t{0}).put(end).put(uint32_t{1});
  const auto count16 = static_cast<uint16_t>(count < 0xFFFF ? count : 0xFFFF);
  record.put(uint32_t{0x06054b50}).put(uint32_t{0}).put(count16).put(count16);
  record.put(low(end - start)).put(low(start)).put(uint16_t{0});
  file_.write(record.text().data(), record.text().size());
  file_.commit();
}

}  // namespace svg
