// The opcodes of pickle protocol 2 that a state dict needs.
#pragma once

#include <ATen/ATen.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

namespace svg {

class PickleWriter {
 public:
  PickleWriter() : bytes_("\x80\x02") {}

  void none() { bytes_ += 'N'; }
  void boolean(bool value) { bytes_ += value ? '\x88' : '\x89'; }
  void text(const std::string& value) {
    bytes_ += 'X';
    put(static_cast<uint32_t>(value.size()));
    bytes_ += value;
  }
  void integer(int64_t value) {
    if (value >= INT32_MIN && value <= INT32_MAX) {
      bytes_ += 'J';
      put(static_cast<int32_t>(value));
    } else {
      bytes_ += "\x8a\x08";
      put(value);
    }
  }
  void real(double value) {  // big-endian, unlike everything else
    const auto bits = std::bit_cast<uint64_t>(value);
    bytes_ += 'G';
    for (int shift = 56; shift >= 0; shift -= 8) bytes_ += static_cast<char>(bits >> shift);
  }
  void mark() { bytes_ += '('; }
  void tuple() { bytes_ += 't'; }
  void int_tuple(at::IntArrayRef values) {
    mark();
    for (const int64_t value : values) integer(value);
    tuple();
  }
  void begin_list() { bytes_ += "]("; }
  void end_list() { bytes_ += 'e'; }
  void begin_dict() { bytes_ += "}("; }
  void end_dict() { bytes_ += 'u'; }
  void global(const std::string& module, const std::string& name) { bytes_ += "c" + module + "\n" + name + "\n"; }
  void reduce() { bytes_ += 'R'; }
  void persistent() { bytes_ += 'Q'; }
  void empty_ordered_dict() {
    global("collections", "OrderedDict");
    bytes_ += ")R";
  }
  std::string finish() { return bytes_ + '.'; }

 private:
  template <typename T>
  void put(T value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof value);
  }

  std::string bytes_;
};

}  // namespace svg
