// Keeps the addon loadable on systems as old as libtorch's own floor: glibc 2.28, libstdc++ of GCC 11. Where a newer
// build machine would bind a function to a newer version of it, the linker (--wrap, cmake/glibc_floor.cmake) sends the
// calls here. scripts/check-symbols.mjs holds the result against the floor.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include <condition_variable>
#include <mutex>

// Functions that only got a new version, with nothing changed that matters here: a jump to the old one. Those of 2.34
// moved from libdl, libpthread and librt into libc; exp, log, log2, exp2 and pow of 2.29 lost a wrapper that sets
// errno, their values are the same. A section each, so that the linker drops those that nobody calls.
#define SVG_OLD_VERSION(name, version)               \
  asm(".pushsection .text.glibc_floor." #name        \
      ",\"ax\",@progbits\n"                          \
      ".symver svg_old_" #name "," #name "@" version \
      "\n"                                           \
      ".globl __wrap_" #name                         \
      "\n"                                           \
      ".hidden __wrap_" #name                        \
      "\n"                                           \
      ".type __wrap_" #name                          \
      ",@function\n"                                 \
      "__wrap_" #name ": jmp svg_old_" #name         \
      "@PLT\n"                                       \
      ".size __wrap_" #name ",.-__wrap_" #name       \
      "\n"                                           \
      ".popsection\n")

SVG_OLD_VERSION(exp, "GLIBC_2.2.5");
SVG_OLD_VERSION(exp2, "GLIBC_2.2.5");
SVG_OLD_VERSION(log, "GLIBC_2.2.5");
SVG_OLD_VERSION(log2, "GLIBC_2.2.5");
SVG_OLD_VERSION(pow, "GLIBC_2.2.5");
SVG_OLD_VERSION(dladdr, "GLIBC_2.2.5");
SVG_OLD_VERSION(dlclose, "GLIBC_2.2.5");
SVG_OLD_VERSION(dlerror, "GLIBC_2.2.5");
SVG_OLD_VERSION(dlopen, "GLIBC_2.2.5");
SVG_OLD_VERSION(dlsym, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_create, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_detach, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_getspecific, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_join, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_key_create, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_key_delete, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_kill, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_mutex_trylock, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_once, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_rwlock_rdlock, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_rwlock_unlock, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_rwlock_wrlock, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_setname_np, "GLIBC_2.12");
SVG_OLD_VERSION(pthread_setspecific, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_sigmask, "GLIBC_2.2.5");

// The same, of the CUDA runtime that is linked in.
SVG_OLD_VERSION(pthread_mutexattr_init, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_mutexattr_destroy, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_mutexattr_setpshared, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_mutexattr_settype, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_spin_init, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_spin_destroy, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_spin_lock, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_spin_trylock, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_spin_unlock, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_rwlock_init, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_rwlock_destroy, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_rwlock_tryrdlock, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_rwlock_trywrlock, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_rwlock_timedrdlock, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_rwlock_timedwrlock, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_rwlockattr_init, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_rwlockattr_destroy, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_rwlockattr_setpshared, "GLIBC_2.2.5");
SVG_OLD_VERSION(pthread_condattr_setpshared, "GLIBC_2.2.5");
SVG_OLD_VERSION(sem_init, "GLIBC_2.2.5");
SVG_OLD_VERSION(sem_destroy, "GLIBC_2.2.5");
SVG_OLD_VERSION(sem_wait, "GLIBC_2.2.5");
SVG_OLD_VERSION(sem_trywait, "GLIBC_2.2.5");
SVG_OLD_VERSION(sem_timedwait, "GLIBC_2.2.5");
SVG_OLD_VERSION(sem_post, "GLIBC_2.2.5");
SVG_OLD_VERSION(shm_open, "GLIBC_2.2.5");
SVG_OLD_VERSION(shm_unlink, "GLIBC_2.2.5");
SVG_OLD_VERSION(dlvsym, "GLIBC_2.2.5");
SVG_OLD_VERSION(dlmopen, "GLIBC_2.3.4");

// What stat was before 2.33: inline calls of these, with the layout of struct stat that the kernel has on x86-64.
extern "C" int __xstat(int layout, const char* path, struct stat* result) noexcept;
extern "C" int __lxstat(int layout, const char* path, struct stat* result) noexcept;
extern "C" int __fxstat(int layout, int file, struct stat* result) noexcept;

namespace {

constexpr int kernel_layout = 1;
constexpr long nanoseconds_per_second = 1'000'000'000;

using CondClockWait = int (*)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*);

}  // namespace

#define SVG_HIDDEN extern "C" __attribute__((visibility("hidden")))

SVG_HIDDEN int __wrap_stat(const char* path, struct stat* result) { return __xstat(kernel_layout, path, result); }
SVG_HIDDEN int __wrap_lstat(const char* path, struct stat* result) { return __lxstat(kernel_layout, path, result); }
SVG_HIDDEN int __wrap_fstat(int file, struct stat* result) { return __fxstat(kernel_layout, file, result); }

// Waits of libstdc++ with a steady clock. Without the function (before 2.30) the time left is counted on the wall's
// clock, as libstdc++ did then: who steps that clock meanwhile moves the end of the wait.
SVG_HIDDEN int __wrap_pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                                             const timespec* end) {
  static const auto real = reinterpret_cast<CondClockWait>(dlsym(RTLD_DEFAULT, "pthread_cond_clockwait"));
  if (real != nullptr) return real(condition, mutex, clock, end);
  timespec now{};
  timespec wall{};
  clock_gettime(clock, &now);
  clock_gettime(CLOCK_REALTIME, &wall);
  wall.tv_sec += end->tv_sec - now.tv_sec;
  wall.tv_nsec += end->tv_nsec - now.tv_nsec;
  if (wall.tv_nsec < 0) {
    wall.tv_nsec += nanoseconds_per_second;
    wall.tv_sec -= 1;
  } else if (wall.tv_nsec >= nanoseconds_per_second) {
    wall.tv_nsec -= nanoseconds_per_second;
    wall.tv_sec += 1;
  }
  return pthread_cond_timedwait(condition, mutex, &wall);
}

// std::condition_variable::wait(unique_lock<mutex>&), new in GLIBCXX_3.4.30 in that it no longer is noexcept.
SVG_HIDDEN void __wrap__ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE(std::condition_variable* condition,
                                                                                 std::unique_lock<std::mutex>* lock) {
  pthread_cond_wait(condition->native_handle(), lock->mutex()->native_handle());
}

// libstdc++ reads it (2.32) to count references without atomics while there is one thread: here there never is one.
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;
