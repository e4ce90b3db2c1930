#include "core/cpu_flags.h"

#include <fstream>
#include <string>

namespace svg {
namespace {

/// " fpu vme ... ": of the first processor, with a space around each.
std::string read_flags() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("flags", 0) == 0 || line.rfind("Features", 0) == 0) return line + ' ';
  }
  return "";
}

}  // namespace

bool cpu_has_any(std::initializer_list<std::string_view> flags) {
  static const std::string known = read_flags();
  for (const std::string_view flag : flags) {
    if (known.find(" " + std::string(flag) + " ") != std::string::npos) return true;
  }
  return false;
}

}  // namespace svg
