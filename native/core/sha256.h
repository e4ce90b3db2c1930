// SHA-256 (FIPS 180-4), to tell whether a file is the one that was published.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace svg {

class Sha256 {
 public:
  void update(const void* data, size_t size);
  /// 64 hexadecimal digits, in lower case. The object must not be used afterwards.
  std::string finish();

 private:
  void compress(const uint8_t* block);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> block_ = {};
  size_t filled_ = 0;
  uint64_t bytes_ = 0;
};

std::string sha256_hex(const void* data, size_t size);

}  // namespace svg
