// The job that has the fused operations of drawing prove themselves on this machine.
#include <c10/core/GradMode.h>

#include "core/cancel.h"
#include "core/rng.h"
#include "engine/jobs.h"
#include "engine/state.h"
#include "ops/modulate.h"
#include "ops/rope.h"
#include "ops/swiglu.h"

namespace svg::jobs {
namespace {

// Of the published transformer, since a kernel is trusted for the widths that it was tried with.
constexpr int64_t kCheckedRows = 37, kCheckedDim = 2304, kCheckedHidden = 9216, kCheckedHeads = 24;
constexpr double kCheckedEps = 1e-5;

}  // namespace

/// {} -> {"operations": how many were run}, in fp32 and bf16. On a GPU each is held against the plain operations
/// (ops/verified.h), and one that is wrong is told of as in every job: event kernel-fault.
JobResult check_kernels(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  request.check_all_read();
  c10::NoGradGuard no_grad;
  int64_t seed = 0;
  const auto drawn = [&](const std::vector<int64_t>& shape, at::ScalarType dtype) {
    return seeded_noise(++seed, shape).to(state.device, dtype);
  };
  const int64_t head_dim = kCheckedDim / kCheckedHeads;
  const at::Tensor places = at::arange(3 * kCheckedRows, at::kLong).view({kCheckedRows, 3});
  Rope rope = rope_of_positions(places, {head_dim / 3, head_dim / 3, head_dim / 3});
  rope = {rope.cos.to(state.device), rope.sin.to(state.device)};
  const RowWeights weights{at::ones({1, kCheckedDim}, at::device(state.device).dtype(at::kFloat)), {}};
  const at::Tensor norm = at::ones({head_dim}, at::device(state.device).dtype(at::kFloat));
  int64_t checked = 0;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    check_cancelled();
    const at::Tensor gate = drawn({kCheckedRows, kCheckedHidden}, dtype);
    const at::Tensor x = drawn({kCheckedRows, kCheckedDim}, at::kFloat), y = drawn({kCheckedRows, kCheckedDim}, dtype);
    swiglu(gate, gate);
    scaled_rms_norm(x, weights, kCheckedEps, dtype);
    add_scaled_rms_norm(x, y, weights, kCheckedEps);
    norm_rotate_heads(y.view({kCheckedRows, kCheckedHeads, head_dim}), norm, kCheckedEps, rope);
    checked += 4;
  }
  return {Json::object().set("operations", checked), {}};
}

}  // namespace svg::jobs
