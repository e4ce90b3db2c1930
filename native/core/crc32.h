// CRC-32 as zip files use it (IEEE 802.3, reflected).
#pragma once

#include <cstddef>
#include <cstdint>

namespace svg {

/// Continues from `crc`, which is 0 at the start.
uint32_t crc32(const void* data, size_t size, uint32_t crc = 0);

}  // namespace svg
