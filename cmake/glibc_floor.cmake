# The oldest system that a binary made here loads on: see native/addon/glibc_floor.cpp.
set(SVG_GLIBC_FLOOR OFF)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64" AND NOT SVG_ASAN)
  include(CheckCXXSourceCompiles)
  check_cxx_source_compiles("#include <features.h>\n#ifndef __GLIBC__\n#error\n#endif\nint main() {}" SVG_HAS_GLIBC)
  set(SVG_GLIBC_FLOOR ${SVG_HAS_GLIBC})
endif()

set(SVG_WRAPPED
  exp exp2 log log2 pow
  dladdr dlclose dlerror dlopen dlsym
  pthread_create pthread_detach pthread_getspecific pthread_join pthread_key_create pthread_key_delete pthread_kill
  pthread_mutex_trylock pthread_once pthread_rwlock_rdlock pthread_rwlock_unlock pthread_rwlock_wrlock
  pthread_setname_np pthread_setspecific pthread_sigmask
  stat lstat fstat
  # of the CUDA runtime
  pthread_mutexattr_init pthread_mutexattr_destroy pthread_mutexattr_setpshared pthread_mutexattr_settype
  pthread_spin_init pthread_spin_destroy pthread_spin_lock pthread_spin_trylock pthread_spin_unlock
  pthread_rwlock_init pthread_rwlock_destroy pthread_rwlock_tryrdlock pthread_rwlock_trywrlock
  pthread_rwlock_timedrdlock pthread_rwlock_timedwrlock
  pthread_rwlockattr_init pthread_rwlockattr_destroy pthread_rwlockattr_setpshared pthread_condattr_setpshared
  sem_init sem_destroy sem_wait sem_trywait sem_timedwait sem_post shm_open shm_unlink dlvsym dlmopen
  pthread_cond_clockwait
  _ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE)

function(svg_lower_floor target)
  if(NOT SVG_GLIBC_FLOOR)
    return()
  endif()
  target_sources(${target} PRIVATE native/addon/glibc_floor.cpp)
  set_source_files_properties(native/addon/glibc_floor.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  list(TRANSFORM SVG_WRAPPED PREPEND "-Wl,--wrap=" OUTPUT_VARIABLE wrapped)
  target_link_options(${target} PRIVATE ${wrapped} -Wl,--gc-sections)
  # Before 2.34 the old versions lie in these; since then they are empty and always there.
  set(old -l:libdl.so.2 -l:libpthread.so.0)
  if(SVG_WITH_CUDA)
    list(APPEND old -l:librt.so.1)
  endif()
  target_link_libraries(${target} PRIVATE -Wl,--push-state,--no-as-needed ${old} -Wl,--pop-state)
endfunction()
