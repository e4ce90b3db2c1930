# Which headers the collectives see. Sets SVG_NCCL_SOURCE: NCCL's file, or its twin without.
set_source_files_properties(native/distributed/gloo.cpp PROPERTIES
  COMPILE_DEFINITIONS USE_C10D_GLOO INCLUDE_DIRECTORIES ${CMAKE_SOURCE_DIR}/native/distributed/gloo_shims
  SKIP_PRECOMPILE_HEADERS ON)

set(SVG_NCCL_SOURCE native/distributed/no_nccl.cpp)
if(SVG_WITH_CUDA)
  get_filename_component(toolkit ${SVG_NVCC} DIRECTORY)
  # `svg-t2i install` puts NCCL's header into libtorch, pip beside torch. nccl.cpp refuses one of another version.
  find_path(SVG_NCCL_INCLUDE nccl.h
    HINTS ${SVG_LIBTORCH}/include ${SVG_LIBTORCH}/../nvidia/nccl/include ${toolkit}/../include)
  find_path(SVG_CUDA_RUNTIME_INCLUDE cuda_runtime.h HINTS ${toolkit}/../include)
  if(SVG_NCCL_INCLUDE AND SVG_CUDA_RUNTIME_INCLUDE)
    set(SVG_NCCL_SOURCE native/distributed/nccl.cpp)
    set_source_files_properties(${SVG_NCCL_SOURCE} PROPERTIES COMPILE_DEFINITIONS USE_C10D_NCCL
      INCLUDE_DIRECTORIES "${SVG_NCCL_INCLUDE};${SVG_CUDA_RUNTIME_INCLUDE}" SKIP_PRECOMPILE_HEADERS ON)
    message(STATUS "NCCL: on (${SVG_NCCL_INCLUDE})")
  else()
    message(STATUS "NCCL: off, nccl.h was not found")
  endif()
endif()
