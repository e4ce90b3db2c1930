#include "io/pickle_text.h"

#include <charconv>

#include "core/error.h"

namespace svg {
namespace {

[[noreturn]] void fail_pickle_text(const char* cause) {
  throw Error(ErrorCode::kFileFormat, concat("[pickle] ", cause));
}

// Takes `count` hexadecimal digits after position `at`, which is moved on.
uint32_t take_hex(std::string_view line, size_t& at, size_t count) {
  if (line.size() - at < count) fail_pickle_text("a cut escape in a string");
  uint32_t value = 0;
  const auto result = std::from_chars(line.data() + at, line.data() + at + count, value, 16);
  if (result.ec != std::errc() || result.ptr != line.data() + at + count) fail_pickle_text("a bad escape in a string");
  at += count;
  return value;
}

uint32_t take_octal(std::string_view line, size_t& at) {
  uint32_t value = 0;
  for (int i = 0; i < 3 && at < line.size() && line[at] >= '0' && line[at] <= '7'; ++i) {
    value = value * 8 + static_cast<uint32_t>(line[at++] - '0');
  }
  return value;
}

}  // namespace

void append_utf8(std::string& out, uint32_t code) {
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = 0xFFFD;
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  const int extra = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr uint32_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(kLead[extra] | code >> (6 * extra));
  for (int i = extra - 1; i >= 0; --i) out += static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F));
}

double parse_pickle_float(std::string_view line) {
  double value = 0;
  const auto result = std::from_chars(line.data(), line.data() + line.size(), value);
  if (result.ec != std::errc() || result.ptr != line.data() + line.size()) fail_pickle_text("not a float");
  return value;
}

std::string decode_unicode_line(std::string_view line) {
  std::string text;
  for (size_t at = 0; at < line.size();) {
    const bool escape = line[at] == '\\' && at + 1 < line.size() && (line[at + 1] == 'u' || line[at + 1] == 'U');
    if (escape) {
      const size_t digits = line[at + 1] == 'u' ? 4 : 8;
      at += 2;
      append_utf8(text, take_hex(line, at, digits));
    } else {
      append_utf8(text, static_cast<unsigned char>(line[at++]));
    }
  }
  return text;
}

std::string decode_quoted_line(std::string_view line) {
  const bool quoted = line.size() >= 2 && line.front() == line.back() && (line[0] == '\'' || line[0] == '"');
  if (!quoted) fail_pickle_text("a string without quotes");
  line = line.substr(1, line.size() - 2);
  std::string text;
  for (size_t at = 0; at < line.size();) {
    if (line[at] != '\\') {
      text += line[at++];
      continue;
    }
    if (++at == line.size()) fail_pickle_text("a cut escape in a string");
    const char kind = line[at];
    if (kind >= '0' && kind <= '7') {
      text += static_cast<char>(take_octal(line, at));
      continue;
    }
    ++at;
    switch (kind) {
      case 'n': text += '\n'; break;
      case 'r': text += '\r'; break;
      case 't': text += '\t'; break;
      case 'a': text += '\a'; break;
      case 'b': text += '\b'; break;
      case 'f': text += '\f'; break;
      case 'v': text += '\v'; break;
      case 'x': text += static_cast<char>(take_hex(line, at, 2)); break;
      case '\\':
      case '\'':
      case '"': text += kind; break;
      default: text += '\\', text += kind;
    }
  }
  return text;
}

}  // namespace svg
