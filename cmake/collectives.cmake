# Which headers the collectives see. Sets SVG_NCCL_SOURCE: NCCL's file, or its twin without.
set_source_files_properties(native/distributed/gloo.cpp PROPERTIES
  COMPILE_DEFINITIONS USE_C10D_GLOO INCLUDE_DIRECTORIES ${CMAKE_SOURCE_DIR}/native/distributed/gloo_shims
  SKIP_PRECOMPILE_HEADERS ON)

set(SVG_NCCL_SOURCE native/distributed/no_nccl.cpp)
if(SVG_WITH_CUDA)
  get_filename_component(toolkit ${SVG_NVCC} DIRECTORY)
  # `svg-t2i install` puts them into libtorch, pip beside torch. nccl.cpp refuses an nccl.h of another version; c10d's
  # headers ask for the others.
  set(places ${SVG_LIBTORCH}/include ${SVG_LIBTORCH}/../nvidia/nccl/include ${SVG_LIBTORCH}/../nvidia/cu13/include
    ${toolkit}/../include)
  set(found "")
  set(absent "")
  foreach(header nccl.h cuda_runtime.h cublas_v2.h cusolverDn.h cusparse.h)
    string(MAKE_C_IDENTIFIER SVG_INCLUDE_${header} variable)
    unset(${variable} CACHE)  # it may have come, or gone, since
    find_path(${variable} ${header} HINTS ${places})
    if(${variable})
      list(APPEND found ${${variable}})
    else()
      list(APPEND absent ${header})
    endif()
  endforeach()
  if(absent)
    message(STATUS "NCCL: off, not found: ${absent}")
  else()
    list(REMOVE_DUPLICATES found)
    set(SVG_NCCL_SOURCE native/distributed/nccl.cpp)
    set_source_files_properties(${SVG_NCCL_SOURCE} PROPERTIES COMPILE_DEFINITIONS USE_C10D_NCCL
      INCLUDE_DIRECTORIES "${found}" SKIP_PRECOMPILE_HEADERS ON)
    message(STATUS "NCCL: on (${SVG_INCLUDE_nccl_h})")
  endif()
endif()
