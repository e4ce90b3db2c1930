#include "io/map_guard.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

namespace svg {
namespace {

using Range = MapGuard::Range;

std::atomic<Range*> first_range{nullptr};
struct sigaction previous_action;
uintptr_t page_size = 4096;

// Another's fault: as if this handler were not there.
void pass_on(int signal, siginfo_t* info, void* context) {
  const bool has_handler = previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN;
  if (previous_action.sa_flags & SA_SIGINFO) return previous_action.sa_sigaction(signal, info, context);
  if (has_handler) return previous_action.sa_handler(signal);
  ::sigaction(SIGBUS, &previous_action, nullptr);  // the access faults again, now with the default answer
  if (info->si_code <= 0) ::raise(signal);         // sent by a process: nothing would fault again
}

// Runs in the middle of any code: touches atomics and makes one system call.
void on_bus_error(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  if (info->si_code > 0) {
    for (Range* range = first_range.load(std::memory_order_acquire); range; range = range->next) {
      const uintptr_t end = range->end.load(std::memory_order_acquire);
      if (address < range->begin.load(std::memory_order_relaxed) || address >= end) continue;
      // All that follows too: a file that was cut has lost it as well.
      const uintptr_t page = address / page_size * page_size;
      const void* zeros = ::mmap(reinterpret_cast<void*>(page), end - page, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
      if (zeros == MAP_FAILED) break;
      range->lost.store(true, std::memory_order_release);
      errno = saved;
      return;
    }
  }
  errno = saved;
  pass_on(signal, info, context);
}

// Node closes the addons of a worker that ends; the handler stays installed.
void stay_loaded() {
  Dl_info library{};
  if (::dladdr(reinterpret_cast<const void*>(&on_bus_error), &library) != 0 && library.dli_fname != nullptr) {
    ::dlopen(library.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

void install_once() {
  static std::once_flag once;
  std::call_once(once, [] {
    stay_loaded();
    page_size = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGBUS, &action, &previous_action);
  });
}

Range* take_range() {
  for (Range* range = first_range.load(std::memory_order_acquire); range; range = range->next) {
    bool taken = false;
    if (range->taken.compare_exchange_strong(taken, true)) return range;
  }
  auto* range = new Range;
  range->taken = true;
  range->next = first_range.load(std::memory_order_relaxed);
  while (!first_range.compare_exchange_weak(range->next, range, std::memory_order_release)) {
  }
  return range;
}

}  // namespace

MapGuard::MapGuard(const void* data, size_t size) {
  install_once();
  range_ = take_range();
  const auto begin = reinterpret_cast<uintptr_t>(data);
  range_->lost.store(false, std::memory_order_relaxed);
  range_->begin.store(begin, std::memory_order_relaxed);
  // To the end of its last page, which is mapped too.
  range_->end.store((begin + size + page_size - 1) / page_size * page_size, std::memory_order_release);
}

MapGuard::~MapGuard() {
  range_->end.store(0, std::memory_order_release);
  range_->taken.store(false, std::memory_order_release);
}

bool MapGuard::is_lost() const { return range_->lost.load(std::memory_order_acquire); }

}  // namespace svg
