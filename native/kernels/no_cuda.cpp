// Twin of kernels/cuda/*.cu for builds without CUDA.
#include "core/error.h"
#include "kernels/cuda.h"

namespace svg::cuda {
namespace {

[[noreturn]] void unavailable(const char* op) {
  throw Error(ErrorCode::kDeviceUnavailable, concat("[", op, "] built without CUDA"),
              "Build with SVG_CUDA=on against a libtorch for CUDA.");
}

}  // namespace

bool built_with_cuda() { return false; }

DeviceMemory device_memory() { return {}; }

void scaled_rms_norm(Rows, const float*, const int32_t*, float, Rows, int64_t, int64_t, void*) {
  unavailable("scaled_rms_norm");
}

void add_scaled_rms_norm(Rows, Rows, const float*, const int32_t*, float, Rows, int64_t, int64_t, void*) {
  unavailable("add_scaled_rms_norm");
}

void residual_norm(Rows, Rows, const float*, const float*, const int32_t*, float, float, Rows, Rows, int64_t, int64_t,
                   void*) {
  unavailable("residual_norm");
}

void norm_rotate_heads(Rows, HeadNorms, float, const float*, const float*, Rows, int64_t, int64_t, int64_t, void*) {
  unavailable("norm_rotate_heads");
}

void swiglu(Rows, Rows, Rows, int64_t, int64_t, void*) { unavailable("swiglu"); }

void scaled_rms_norm_backward(Rows, const float*, const int32_t*, float, Rows, Rows, float*, int64_t, int64_t, void*) {
  unavailable("scaled_rms_norm_backward");
}

void norm_rotate_heads_backward(Rows, const float*, float, const float*, const float*, Rows, Rows, float*, int64_t,
                                int64_t, int64_t, void*) {
  unavailable("norm_rotate_heads_backward");
}

void swiglu_backward(Rows, Rows, Rows, Rows, Rows, int64_t, int64_t, void*) { unavailable("swiglu_backward"); }

void plan_adamw(const AdamWRule&, const double*, int64_t*, AdamWPlan*, void*) { unavailable("plan_adamw"); }

void adamw_update(const AdamWPlan*, const AdamWPiece*, int64_t, void*) { unavailable("adamw_update"); }

}  // namespace svg::cuda
