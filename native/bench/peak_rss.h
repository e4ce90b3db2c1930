// Peak resident memory over a stretch of code. Linux alone tells: elsewhere all values are 0.
#pragma once

#include <cstdint>

namespace svg {

/// Sets the process's peak to what is resident now; false where the system does not allow it.
bool reset_peak_rss();
/// Bytes.
int64_t peak_rss();
int64_t current_rss();

}  // namespace svg
