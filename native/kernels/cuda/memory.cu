// What is free of a GPU's memory.
#include <cuda_runtime.h>

#include "kernels/cuda.h"

namespace svg::cuda {

DeviceMemory device_memory() {
  size_t free = 0, total = 0;
  if (cudaMemGetInfo(&free, &total) == cudaSuccess) return {static_cast<int64_t>(free), static_cast<int64_t>(total)};
  cudaGetLastError();  // not to be found by the next launch
  return {};
}

}  // namespace svg::cuda
