// The only file compiled with OpenMP: at::parallel_for is serial without it.
#include <ATen/Parallel.h>

#include "kernels/cpu.h"

namespace svg::cpu {

void parallel_rows(int64_t rows, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  at::parallel_for(0, rows, grain, body);
}

}  // namespace svg::cpu
