// Torch files built byte by byte, to say what torch.save never would.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace svg::test {

using namespace std::string_literals;

template <typename T>
std::string raw(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

inline std::string pickle_text(const std::string& text) { return "X" + raw(static_cast<uint32_t>(text.size())) + text; }

inline std::string pickle_int(int64_t value) { return "\x8a\x08"s + raw(value); }

inline std::string pickle_tuple(const std::vector<int64_t>& values) {
  std::string bytes = "(";
  for (const int64_t value : values) bytes += pickle_int(value);
  return bytes + "t";
}

struct ZipPart {
  std::string name;
  std::string bytes;
  uint16_t method = 0;
};

/// A zip of stored entries, each aligned to nothing; checksums are left zero.
inline std::string zip_of(const std::vector<ZipPart>& parts) {
  std::string file, directory;
  for (const ZipPart& part : parts) {
    const std::string common = raw(uint16_t{20}) + raw(uint16_t{0}) + raw(part.method) + raw(uint32_t{0}) +
                               raw(uint32_t{0}) + raw(static_cast<uint32_t>(part.bytes.size())) +
                               raw(static_cast<uint32_t>(part.bytes.size())) +
                               raw(static_cast<uint16_t>(part.name.size())) + raw(uint16_t{0});
    directory += "PK\x01\x02" + raw(uint16_t{20}) + common + raw(uint16_t{0}) + raw(uint32_t{0}) + raw(uint16_t{0}) +
                 raw(uint32_t{0}).substr(2) + raw(static_cast<uint32_t>(file.size())) + part.name;
    file += "PK\x03\x04" + common + part.name + part.bytes;
  }
  const std::string count = raw(static_cast<uint16_t>(parts.size()));
  return file + directory + "PK\x05\x06" + raw(uint32_t{0}) + count + count +
         raw(static_cast<uint32_t>(directory.size())) + raw(static_cast<uint32_t>(file.size())) + raw(uint16_t{0});
}

/// A state dict {"w": tensor} whose float storage "0" claims `elements`; `view` is offset, shape, stride.
inline std::string tensor_pickle(int64_t elements, int64_t offset, const std::vector<int64_t>& shape,
                                 const std::vector<int64_t>& strides) {
  return "\x80\x02}"s + pickle_text("w") + "ctorch._utils\n_rebuild_tensor_v2\n((" + pickle_text("storage") +
         "ctorch\nFloatStorage\n" + pickle_text("0") + pickle_text("cpu") + pickle_int(elements) + "tQ" +
         pickle_int(offset) + pickle_tuple(shape) + pickle_tuple(strides) + "\x89}tRs.";
}

}  // namespace svg::test
