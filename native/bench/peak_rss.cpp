#include "bench/peak_rss.h"

#include <fstream>
#include <string>

namespace svg {
namespace {

int64_t status_bytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(key + ":", 0) == 0) return std::stoll(line.substr(key.size() + 1)) * 1024;
  }
  return 0;
}

}  // namespace

bool reset_peak_rss() {
  std::ofstream refs("/proc/self/clear_refs");
  refs << "5";
  refs.flush();
  return refs.good();
}

int64_t peak_rss() { return status_bytes("VmHWM"); }
int64_t current_rss() { return status_bytes("VmRSS"); }

}  // namespace svg
