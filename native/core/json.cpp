#include "core/json.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <unordered_set>

#include "core/error.h"

namespace svg {
namespace {

constexpr int kMaxDepth = 64;
// A value takes 40 bytes and more, its text perhaps two. 200,000 tensors of a safetensors header are 2,000,000 values.
constexpr size_t kMaxValues = 2'500'000;
constexpr size_t kDuplicateSetSize = 16;  // below this a linear scan finds duplicate keys faster

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json document() {
    Json value = parse_value(0);
    skip_space();
    if (at_ != text_.size()) fail("text after the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw Error(ErrorCode::kFileFormat, concat("[json] ", what, " at byte ", at_));
  }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  char peek() {
    if (at_ >= text_.size()) fail("unexpected end");
    return text_[at_];
  }

  void expect(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) fail("unexpected character");
    at_ += word.size();
  }

  Json parse_value(int depth) {
    if (depth > kMaxDepth) fail("nesting too deep");
    if (++values_ > kMaxValues) fail("too many values");
    skip_space();
    switch (peek()) {
      case '{': return parse_object(depth);
      case '[': return parse_array(depth);
      case '"': return Json(parse_string());
      case 't': expect("true"); return Json(true);
      case 'f': expect("false"); return Json(false);
      case 'n': expect("null"); return Json();
      default: return parse_number();
    }
  }

  Json parse_object(int depth) {
    Json::Object members;
    std::unordered_set<std::string> seen;
    ++at_;
    skip_space();
    if (peek() == '}') {
      ++at_;
      return Json(std::move(members));
    }
    while (true) {
      skip_space();
      if (peek() != '"') fail("a key must be a string");
      std::string key = parse_string();
      if (is_duplicate(members, seen, key)) fail("duplicate key");
      skip_space();
      expect(":");
      members.emplace_back(std::move(key), parse_value(depth + 1));
      skip_space();
      if (peek() == ',') {
        ++at_;
        continue;
      }
      expect("}");
      return Json(std::move(members));
    }
  }

  static bool is_duplicate(const Json::Object& members, std::unordered_set<std::string>& seen, const std::string& key) {
    if (members.size() < kDuplicateSetSize) {
      for (const auto& member : members) {
        if (member.first == key) return true;
      }
      return false;
    }
    if (seen.empty()) {
      for (const auto& member : members) seen.insert(member.first);
    }
    return !seen.insert(key).second;
  }

  Json parse_array(int depth) {
    Json::Array items;
    ++at_;
    skip_space();
    if (peek() == ']') {
      ++at_;
      return Json(std::move(items));
    }
    while (true) {
      items.push_back(parse_value(depth + 1));
      skip_space();
      if (peek() == ',') {
        ++at_;
        continue;
      }
      expect("]");
      return Json(std::move(items));
    }
  }

  unsigned parse_hex4() {
    if (at_ + 4 > text_.size()) fail("short \\u escape");
    unsigned value = 0;
    const auto result = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, value, 16);
    if (result.ptr != text_.data() + at_ + 4) fail("bad \\u escape");
    at_ += 4;
    return value;
  }

  static void append_utf8(std::string& out, unsigned code) {
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xC0 | (code >> 6));
      out += static_cast<char>(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      out += static_cast<char>(0xE0 | (code >> 12));
      out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
      out += static_cast<char>(0x80 | (code & 0x3F));
    } else {
      out += static_cast<char>(0xF0 | (code >> 18));
      out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
      out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
      out += static_cast<char>(0x80 | (code & 0x3F));
    }
  }

  void copy_utf8_sequence(std::string& out) {
    const auto lead = static_cast<unsigned char>(text_[at_]);
    const int length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0 || at_ + length > text_.size()) fail("bad UTF-8");
    unsigned code = length == 1 ? lead : lead & (0x7F >> length);
    for (int i = 1; i < length; ++i) {
      const auto byte = static_cast<unsigned char>(text_[at_ + i]);
      if (byte >> 6 != 2) fail("bad UTF-8");
      code = code << 6 | (byte & 0x3F);
    }
    static constexpr unsigned kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kSmallest[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      fail("bad UTF-8");
    }
    out.append(text_, at_, length);
    at_ += length;
  }

  std::string parse_string() {
    std::string out;
    ++at_;
    while (true) {
      const char c = peek();
      if (c == '"') {
        ++at_;
        return out;
      }
      if (static_cast<unsigned char>(c) < 0x20) fail("control character in a string");
      if (c != '\\') {
        copy_utf8_sequence(out);
        continue;
      }
      ++at_;
      const char escape = peek();
      ++at_;
      switch (escape) {
        case '"':
        case '\\':
        case '/': out += escape; break;
        case 'b': out += '\b'; break;
        case 'f': out += '\f'; break;
        case 'n': out += '\n'; break;
        case 'r': out += '\r'; break;
        case 't': out += '\t'; break;
        case 'u': append_utf8(out, parse_escaped_code_point()); break;
        default: fail("unknown escape");
      }
    }
  }

  unsigned parse_escaped_code_point() {
    const unsigned high = parse_hex4();
    if (high >= 0xDC00 && high < 0xE000) fail("lone surrogate");
    if (high < 0xD800 || high >= 0xDC00) return high;
    expect("\\u");
    const unsigned low = parse_hex4();
    if (low < 0xDC00 || low >= 0xE000) fail("lone surrogate");
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
  }

  Json parse_number() {
    const size_t start = at_;
    if (peek() == '-') ++at_;
    if (at_ >= text_.size() || !is_digit(text_[at_])) fail("unexpected character");
    if (text_[at_] == '0' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1])) fail("leading zero");
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    bool integral = true;
    if (at_ < text_.size() && text_[at_] == '.') {
      integral = false;
      ++at_;
      read_digits();
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      integral = false;
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      read_digits();
    }
    const char* first = text_.data() + start;
    const char* last = text_.data() + at_;
    if (integral) {
      int64_t value = 0;
      if (std::from_chars(first, last, value).ec == std::errc()) return Json(value);
    }
    double value = 0;
    if (std::from_chars(first, last, value).ec != std::errc()) fail("number out of range");
    return Json(value);
  }

  void read_digits() {
    if (at_ >= text_.size() || !is_digit(text_[at_])) fail("digit expected");
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  std::string_view text_;
  size_t at_ = 0;
  size_t values_ = 0;
};

void dump_string(std::string& out, const std::string& text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char escape[8];
          std::snprintf(escape, sizeof escape, "\\u%04x", c);
          out += escape;
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void dump_double(std::string& out, double value) {
  if (!std::isfinite(value)) {  // JSON has no such number
    out += "null";
    return;
  }
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, result.ptr);
}

[[noreturn]] void wrong_kind(const char* wanted) {
  throw Error(ErrorCode::kInvalidConfig, concat("[json] expected ", wanted));
}

}  // namespace

Json Json::parse(std::string_view text) { return Parser(text).document(); }

bool Json::as_bool() const {
  if (!is_bool()) wrong_kind("true or false");
  return std::get<bool>(value_);
}

int64_t Json::as_int() const {
  if (is_int()) return std::get<int64_t>(value_);
  if (const double* value = std::get_if<double>(&value_)) {
    if (std::nearbyint(*value) == *value && std::abs(*value) < 9.0e15) {
      return static_cast<int64_t>(*value);
    }
  }
  wrong_kind("an integer");
}

double Json::as_double() const {
  if (is_int()) return static_cast<double>(std::get<int64_t>(value_));
  if (const double* value = std::get_if<double>(&value_)) return *value;
  wrong_kind("a number");
}

const std::string& Json::as_string() const {
  if (!is_string()) wrong_kind("a string");
  return std::get<std::string>(value_);
}

const Json::Array& Json::as_array() const {
  if (!is_array()) wrong_kind("an array");
  return std::get<Array>(value_);
}

const Json::Object& Json::as_object() const {
  if (!is_object()) wrong_kind("an object");
  return std::get<Object>(value_);
}

std::vector<int64_t> Json::as_int_list() const {
  std::vector<int64_t> list;
  for (const Json& item : as_array()) list.push_back(item.as_int());
  return list;
}

const Json* Json::find(std::string_view key) const {
  if (const Object* members = std::get_if<Object>(&value_)) {
    for (const Member& member : *members) {
      if (member.first == key) return member.second.is_null() ? nullptr : &member.second;
    }
  }
  return nullptr;
}

const Json& Json::at(std::string_view key) const {
  const Json* value = find(key);
  SVG_CHECK(value, ErrorCode::kInvalidConfig, "[json] missing key \"", key, "\"");
  return *value;
}

Json& Json::set(std::string_view key, Json value) {
  if (is_null()) value_ = Object{};
  Object& members = std::get<Object>(value_);
  for (Member& member : members) {
    if (member.first == key) {
      member.second = std::move(value);
      return *this;
    }
  }
  members.emplace_back(std::string(key), std::move(value));
  return *this;
}

void Json::push_back(Json value) {
  if (is_null()) value_ = Array{};
  std::get<Array>(value_).push_back(std::move(value));
}

int64_t Json::get_int(std::string_view key, int64_t fallback) const {
  const Json* value = find(key);
  return value ? value->as_int() : fallback;
}

double Json::get_double(std::string_view key, double fallback) const {
  const Json* value = find(key);
  return value ? value->as_double() : fallback;
}

bool Json::get_bool(std::string_view key, bool fallback) const {
  const Json* value = find(key);
  return value ? value->as_bool() : fallback;
}

std::string Json::get_string(std::string_view key, const std::string& fallback) const {
  const Json* value = find(key);
  return value ? value->as_string() : fallback;
}

std::string Json::dump() const {
  struct Dumper {
    std::string& out;
    void operator()(std::monostate) const { out += "null"; }
    void operator()(bool value) const { out += value ? "true" : "false"; }
    void operator()(int64_t value) const { out += std::to_string(value); }
    void operator()(double value) const { dump_double(out, value); }
    void operator()(const std::string& value) const { dump_string(out, value); }
    void operator()(const Array& items) const {
      out += '[';
      for (size_t i = 0; i < items.size(); ++i) {
        if (i) out += ',';
        std::visit(*this, items[i].value_);
      }
      out += ']';
    }
    void operator()(const Object& members) const {
      out += '{';
      for (size_t i = 0; i < members.size(); ++i) {
        if (i) out += ',';
        dump_string(out, members[i].first);
        out += ':';
        std::visit(*this, members[i].second.value_);
      }
      out += '}';
    }
  };
  std::string out;
  std::visit(Dumper{out}, value_);
  return out;
}

}  // namespace svg
