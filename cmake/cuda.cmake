# CUDA kernels, compiled by nvcc alone: the .cu files see no header of torch. Sets SVG_CUDA_SOURCES, the
# objects or their twin without CUDA, SVG_STEP_GRAPH_SOURCE, and the target svg_cuda_check, which needs neither a GPU nor a CUDA libtorch.
set(SVG_CUDA_TARGETS "80,86,89,90" CACHE STRING "Compute capabilities that get kernels of their own, by commas")
set(SVG_CUDA_FILES adamw memory rms_norm rms_norm_backward rope rope_backward swiglu)

find_program(SVG_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin /usr/local/cuda/bin)
set(SVG_WITH_CUDA OFF)
if(SVG_CUDA STREQUAL "on" OR (SVG_CUDA STREQUAL "auto" AND SVG_NVCC AND EXISTS "${SVG_LIBTORCH}/lib/libtorch_cuda.so"))
  set(SVG_WITH_CUDA ON)
endif()
if(SVG_WITH_CUDA AND (NOT SVG_NVCC OR NOT EXISTS "${SVG_LIBTORCH}/lib/libtorch_cuda.so"))
  message(FATAL_ERROR "SVG_CUDA=on needs nvcc and a libtorch for CUDA (lib/libtorch_cuda.so in '${SVG_LIBTORCH}').")
endif()

# Compiles every kernel for the compute capabilities given, and for later GPUs (as PTX of the last one), into <folder>;
# lists the objects in <objects>.
function(svg_cuda_objects objects folder)
  set(targets "")
  foreach(capability ${ARGN})
    list(APPEND targets "-gencode=arch=compute_${capability},code=sm_${capability}")
  endforeach()
  list(GET ARGN -1 newest)
  list(APPEND targets "-gencode=arch=compute_${newest},code=compute_${newest}")
  set(list "")
  foreach(file ${SVG_CUDA_FILES})
    set(source ${CMAKE_SOURCE_DIR}/native/kernels/cuda/${file}.cu)
    set(object ${CMAKE_BINARY_DIR}/${folder}/${file}.o)
    add_custom_command(OUTPUT ${object}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/${folder}
      COMMAND ${SVG_NVCC} -std=c++20 -O3 -Xcompiler=-fPIC,-fvisibility=hidden,-Wall ${targets}
        -I${CMAKE_SOURCE_DIR}/native -c ${source} -o ${object}
      DEPENDS ${source} ${CMAKE_SOURCE_DIR}/native/kernels/cuda/common.cuh ${CMAKE_SOURCE_DIR}/native/kernels/cuda.h
        ${CMAKE_SOURCE_DIR}/native/kernels/adamw.h ${CMAKE_SOURCE_DIR}/native/kernels/rows.h
      COMMENT "nvcc ${file}.cu" VERBATIM)
    list(APPEND list ${object})
  endforeach()
  set(${objects} ${list} PARENT_SCOPE)
endfunction()

if(SVG_WITH_CUDA)
  string(REPLACE "," ";" capabilities "${SVG_CUDA_TARGETS}")
  svg_cuda_objects(SVG_CUDA_SOURCES cuda ${capabilities})
  set_source_files_properties(${SVG_CUDA_SOURCES} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  get_filename_component(cuda_bin ${SVG_NVCC} DIRECTORY)
  find_library(SVG_CUDART cudart_static HINTS ${cuda_bin}/../lib64 ${cuda_bin}/../lib /usr/local/cuda/lib64)
  if(NOT SVG_CUDART)
    message(FATAL_ERROR "libcudart_static of the toolkit of ${SVG_NVCC} was not found.")
  endif()
  target_link_libraries(libtorch INTERFACE
    -Wl,--no-as-needed ${SVG_LIBTORCH}/lib/libtorch_cuda.so ${SVG_LIBTORCH}/lib/libc10_cuda.so -Wl,--as-needed
    ${SVG_CUDART} rt dl pthread)
  # libtorch's headers of CUDA ask for the toolkit's.
  set(SVG_STEP_GRAPH_SOURCE native/ops/cuda_step_graph.cpp)
  set_source_files_properties(${SVG_STEP_GRAPH_SOURCE} PROPERTIES
    INCLUDE_DIRECTORIES "${cuda_bin}/../include;/usr/local/cuda/include" SKIP_PRECOMPILE_HEADERS ON)
  message(STATUS "CUDA kernels: on (${SVG_NVCC})")
else()
  set(SVG_STEP_GRAPH_SOURCE native/ops/no_step_graph.cpp)
  set(SVG_CUDA_SOURCES native/kernels/no_cuda.cpp)
  message(STATUS "CUDA kernels: off")
endif()

if(SVG_NVCC)
  svg_cuda_objects(SVG_CUDA_CHECKED cuda_check 80 90)
  add_custom_target(svg_cuda_check DEPENDS ${SVG_CUDA_CHECKED})
else()
  add_custom_target(svg_cuda_check COMMAND ${CMAKE_COMMAND} -E echo "skipped: nvcc was not found" VERBATIM)
endif()
