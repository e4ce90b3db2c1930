// The text operands of pickle protocols 0 and 1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace svg {

/// repr() of a Python float. Throws Error(kFileFormat).
double parse_pickle_float(std::string_view line);
/// raw-unicode-escape: \uXXXX and \UXXXXXXXX, the rest Latin-1. The result is UTF-8. Throws Error(kFileFormat).
std::string decode_unicode_line(std::string_view line);
/// repr() of a Python 2 string: quotes and backslash escapes. Throws Error(kFileFormat).
std::string decode_quoted_line(std::string_view line);
/// UTF-8 of one code point; surrogates and values beyond Unicode become U+FFFD.
void append_utf8(std::string& out, uint32_t code);

}  // namespace svg
