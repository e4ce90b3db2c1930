// Memory maps of files that shrink or fail under the reader. The system answers a read of such a page with SIGBUS,
// which ends the process; a guarded map reads as zeros from there on and is marked as lost instead.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace svg {

class MapGuard {
 public:
  /// Watches [data, data + size) until it is destroyed. Any thread may read the range.
  MapGuard(const void* data, size_t size);
  ~MapGuard();
  MapGuard(const MapGuard&) = delete;
  MapGuard& operator=(const MapGuard&) = delete;

  /// True once a part of the range could not be read.
  bool is_lost() const;

  /// One range; never freed, since a signal handler may be walking over them.
  struct Range {
    std::atomic<uintptr_t> begin{0};
    std::atomic<uintptr_t> end{0};  // 0: free to be used again
    std::atomic<bool> taken{false};
    std::atomic<bool> lost{false};
    Range* next = nullptr;
  };

 private:
  Range* range_;
};

}  // namespace svg
