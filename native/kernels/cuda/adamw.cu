// AdamW, averages and copies of many parameters in few launches. The numbers of the step are computed on the device,
// from the norm of the gradients that lies there: the host neither waits for it nor decides whether it is finite.
#include <algorithm>

#include "kernels/adamw.h"
#include "kernels/cuda/common.cuh"

namespace svg::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kElementsOfBlock = 16384;  // that many, and the blocks of a piece go on in steps
constexpr int64_t kMostBlocks = 1024;        // of a piece

struct Pieces {
  AdamWPiece of[kAdamWPieces];
};
static_assert(sizeof(Pieces) + sizeof(AdamWPlan*) <= 4096, "more than a launch takes");

__global__ void plan_kernel(AdamWRule rule, const double* norm, int64_t* steps, AdamWPlan* plan) {
  *plan = plan_adamw(rule, *norm, *steps);
}

template <typename G>
__device__ void update_piece(const AdamWPlan& plan, const AdamWPiece& piece) {
  const G* gradient = static_cast<const G*>(piece.gradient);
  auto* copy = static_cast<__nv_bfloat16*>(piece.copy);
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < piece.elements; i += stride) {
    const float slope = to_float(gradient[i]) * plan.grad_factor;
    const float mean = lerp_to(piece.first[i], slope, plan.first);
    const float square = piece.second[i] * plan.beta2 + plan.second * slope * slope;
    const float value =
        piece.parameter[i] * plan.keep - plan.step_size * mean / (sqrtf(square) / plan.correction + plan.eps);
    piece.first[i] = mean;
    piece.second[i] = square;
    piece.parameter[i] = value;
    if (piece.average) piece.average[i] = lerp_to(piece.average[i], value, plan.average);
    if (copy) put(copy + i, value);
  }
}

__device__ void move_average(const AdamWPlan& plan, const AdamWPiece& piece) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < piece.elements; i += stride) {
    piece.average[i] = lerp_to(piece.average[i], piece.parameter[i], plan.average);
  }
}

__global__ void __launch_bounds__(kThreads)
    update_kernel(const AdamWPlan* planned, const __grid_constant__ Pieces pieces) {
  const AdamWPlan plan = *planned;
  if (!plan.apply) return;
  const AdamWPiece& piece = pieces.of[blockIdx.y];
  if (!piece.gradient) {
    if (piece.average) move_average(plan, piece);
  } else if (piece.gradient_type == Real::kFloat32) {
    update_piece<float>(plan, piece);
  } else {
    update_piece<__nv_bfloat16>(plan, piece);
  }
}

}  // namespace

void plan_adamw(const AdamWRule& rule, const double* norm, int64_t* steps, AdamWPlan* plan, void* stream) {
  plan_kernel<<<1, 1, 0, stream_of(stream)>>>(rule, norm, steps, plan);
  check_launch("plan_adamw");
}

void adamw_update(const AdamWPlan* plan, const AdamWPiece* pieces, int64_t count, void* stream) {
  for (int64_t begin = 0; begin < count; begin += kAdamWPieces) {
    const int64_t end = std::min(count, begin + kAdamWPieces);
    Pieces some{};
    int64_t most = 1;
    for (int64_t i = begin; i < end; ++i) {
      some.of[i - begin] = pieces[i];
      most = std::max(most, pieces[i].elements);
    }
    const int64_t blocks = std::min((most + kElementsOfBlock - 1) / kElementsOfBlock, kMostBlocks);
    const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(end - begin));
    update_kernel<<<grid, kThreads, 0, stream_of(stream)>>>(plan, some);
    check_launch("adamw_update");
  }
}

}  // namespace svg::cuda
