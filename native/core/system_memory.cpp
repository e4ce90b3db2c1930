#include "core/system_memory.h"

#include <sys/resource.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <fstream>
#include <sstream>

namespace svg {
namespace {

constexpr int64_t kKibibyte = 1024;
/// Version 1 says "no limit" by a number near the largest.
constexpr int64_t kNoLimit = int64_t{1} << 60;

/// The whole number that a file holds; 0 where there is none, also for "max".
int64_t number_in(const std::string& path) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value ? value : 0;
}

/// The number behind `name` in lines such as "inactive_file 4096" and "MemAvailable: 17 kB".
int64_t number_behind(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    int64_t value = 0;
    if (words >> key >> value && (key == name || key == name + ":")) return value;
  }
  return 0;
}

/// The least of the limits from a group up to the top of its hierarchy.
int64_t left_up_from(const std::string& top, std::string group, int version) {
  int64_t least = 0;
  while (true) {
    const int64_t left = left_in_group(top + group, version);
    if (left > 0 && (least == 0 || left < least)) least = left;
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos || group.size() <= 1) return least;
    group.resize(slash);
  }
}

/// Of the groups that this process is in: lines of "ID:CONTROLLERS:PATH", the second empty in version 2.
int64_t left_in_groups() {
  std::ifstream groups("/proc/self/cgroup");
  int64_t least = 0;
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    const bool is_second = controllers.empty();
    if (!is_second && ("," + controllers + ",").find(",memory,") == std::string::npos) continue;
    const char* top = is_second ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const int64_t left = left_up_from(top, path == "/" ? "" : path, is_second ? 2 : 1);
    if (left > 0 && (least == 0 || left < least)) least = left;
  }
  return least;
}

/// Of the limit of the address space.
int64_t left_to_map() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 0;
  const int64_t mapped = number_in("/proc/self/statm") * static_cast<int64_t>(sysconf(_SC_PAGESIZE));
  return std::max<int64_t>(1, static_cast<int64_t>(limit.rlim_cur) - mapped);
}

}  // namespace

void give_back_free_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

int64_t left_in_group(const std::string& folder, int version) {
  const bool second = version == 2;
  const int64_t limit = number_in(folder + (second ? "/memory.max" : "/memory.limit_in_bytes"));
  if (limit <= 0 || limit >= kNoLimit) return 0;
  const int64_t used = number_in(folder + (second ? "/memory.current" : "/memory.usage_in_bytes"));
  const std::string files = second ? "" : "total_";
  const int64_t droppable = number_behind(folder + "/memory.stat", files + "inactive_file") +
                            number_behind(folder + "/memory.stat", files + "active_file");
  return std::max<int64_t>(1, limit - used + droppable);
}

int64_t available_memory() {
  int64_t least = kKibibyte * number_behind("/proc/meminfo", "MemAvailable");
  for (const int64_t left : {left_in_groups(), left_to_map()}) {
    if (left > 0 && (least == 0 || left < least)) least = left;
  }
  return least;
}

}  // namespace svg
