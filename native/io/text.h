// Text that comes out of files nobody vouches for.
#pragma once

#include <string>
#include <string_view>

namespace svg {

bool is_utf8(std::string_view text);

/// Fit for an error message: one line, at most `limit` bytes, anything but printable ASCII replaced by '?'.
std::string printable(std::string_view text, size_t limit = 80);

}  // namespace svg
