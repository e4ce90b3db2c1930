/*
 * Preloaded into a process (LD_PRELOAD): counts the calls that change files below a folder, and at one of them kills the
 * process or lets the call fail.
 *
 *   FAULT_FOLDER  absolute path of the folder
 *   FAULT_AT      number of the call, from 1; without it the calls are only counted
 *   FAULT_KIND    kill, or the name of an error: ENOSPC, EIO
 *   FAULT_STAYS   every later call fails as well, as on a disk that stays full
 *   FAULT_LOG     gets a line a call: its number, its name, the path below the folder
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH_BYTES 4096

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder, *kind, *log_path;
static long at = -1, calls;
static int stays;

static void read_settings(void) {
  folder = getenv("FAULT_FOLDER");
  kind = getenv("FAULT_KIND");
  log_path = getenv("FAULT_LOG");
  stays = getenv("FAULT_STAYS") != NULL;
  const char *number = getenv("FAULT_AT");
  if (number != NULL) at = atol(number);
}

static void write_log(const char *name, const char *path) {
  char line[PATH_BYTES + 64];
  const int length = snprintf(line, sizeof line, "%ld %s %s\n", calls, name, path + strlen(folder));
  const int file = syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return;
  if (syscall(SYS_write, file, line, length) < 0) abort();
  syscall(SYS_close, file);
}

static int error_number(void) {
  if (strcmp(kind, "ENOSPC") == 0) return ENOSPC;
  if (strcmp(kind, "EIO") == 0) return EIO;
  abort();
}

/** The error that this call is to fail with, or 0. */
static int fault_of(const char *name, const char *path) {
  pthread_once(&once, read_settings);
  if (folder == NULL || path == NULL) return 0;
  char whole[2 * PATH_BYTES];
  if (path[0] != '/') {
    char here[PATH_BYTES];
    if (syscall(SYS_getcwd, here, sizeof here) < 0) return 0;
    snprintf(whole, sizeof whole, "%s/%s", here, path);
    path = whole;
  }
  const size_t length = strlen(folder);
  if (strncmp(path, folder, length) != 0 || (path[length] != '/' && path[length] != '\0')) return 0;
  const int saved = errno;
  pthread_mutex_lock(&lock);
  const long number = ++calls;
  if (log_path != NULL) write_log(name, path);
  if (number == at && strcmp(kind, "kill") == 0) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  pthread_mutex_unlock(&lock);
  errno = saved;
  if (at < 0 || (number != at && !(stays && number > at))) return 0;
  return error_number();
}

static int fault_of_file(const char *name, int file) {
  pthread_once(&once, read_settings);
  if (folder == NULL || file < 3) return 0;
  char link[64], path[PATH_BYTES];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = syscall(SYS_readlink, link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return fault_of(name, path);
}

/** Defines a function that fails where `fault` says so, and else does what it always does. */
#define WRAP(result, name, parameters, arguments, fault)                           \
  result name parameters {                                                         \
    static result(*real) parameters;                                               \
    if (real == NULL) real = (result(*) parameters)dlsym(RTLD_NEXT, #name);        \
    const int error = fault;                                                       \
    if (error != 0) {                                                              \
      errno = error;                                                               \
      return -1;                                                                   \
    }                                                                              \
    return real arguments;                                                         \
  }

WRAP(ssize_t, write, (int f, const void *b, size_t n), (f, b, n), fault_of_file("write", f))
WRAP(ssize_t, pwrite, (int f, const void *b, size_t n, off_t o), (f, b, n, o), fault_of_file("write", f))
WRAP(ssize_t, pwrite64, (int f, const void *b, size_t n, off64_t o), (f, b, n, o), fault_of_file("write", f))
WRAP(ssize_t, writev, (int f, const struct iovec *v, int n), (f, v, n), fault_of_file("write", f))
WRAP(ssize_t, pwritev, (int f, const struct iovec *v, int n, off_t o), (f, v, n, o), fault_of_file("write", f))
WRAP(ssize_t, pwritev64, (int f, const struct iovec *v, int n, off64_t o), (f, v, n, o), fault_of_file("write", f))
WRAP(ssize_t, copy_file_range, (int i, off64_t *a, int f, off64_t *b, size_t n, unsigned g), (i, a, f, b, n, g),
     fault_of_file("write", f))
WRAP(ssize_t, sendfile, (int f, int i, off_t *o, size_t n), (f, i, o, n), fault_of_file("write", f))
WRAP(ssize_t, sendfile64, (int f, int i, off64_t *o, size_t n), (f, i, o, n), fault_of_file("write", f))
WRAP(int, fsync, (int f), (f), fault_of_file("fsync", f))
WRAP(int, fdatasync, (int f), (f), fault_of_file("fsync", f))
WRAP(int, ftruncate, (int f, off_t n), (f, n), fault_of_file("truncate", f))
WRAP(int, ftruncate64, (int f, off64_t n), (f, n), fault_of_file("truncate", f))
WRAP(int, rename, (const char *a, const char *b), (a, b), fault_of("rename", b))
WRAP(int, link, (const char *a, const char *b), (a, b), fault_of("link", b))
WRAP(int, symlink, (const char *a, const char *b), (a, b), fault_of("symlink", b))
WRAP(int, unlink, (const char *a), (a), fault_of("unlink", a))
WRAP(int, rmdir, (const char *a), (a), fault_of("unlink", a))
WRAP(int, mkdir, (const char *a, mode_t m), (a, m), fault_of("mkdir", a))

/* Only opening that may create: reading is no change. */
#define WRAP_OPEN(name)                                                            \
  int name(const char *path, int flags, ...) {                                     \
    static int (*real)(const char *, int, ...);                                    \
    if (real == NULL) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
    mode_t mode = 0;                                                               \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                         \
      va_list rest;                                                                \
      va_start(rest, flags);                                                       \
      mode = va_arg(rest, mode_t);                                                 \
      va_end(rest);                                                                \
    }                                                                              \
    const int error = flags & O_CREAT ? fault_of("create", path) : 0;              \
    if (error != 0) {                                                              \
      errno = error;                                                               \
      return -1;                                                                   \
    }                                                                              \
    return real(path, flags, mode);                                                \
  }

WRAP_OPEN(open)
WRAP_OPEN(open64)
