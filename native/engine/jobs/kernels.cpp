// The job that has the fused operations of drawing prove themselves on this machine.
#include <c10/core/GradMode.h>

#include "core/cancel.h"
#include "core/rng.h"
#include "engine/jobs.h"
#include "engine/state.h"
#include "models/next_dit/next_dit.h"
#include "ops/head_groups.h"
#include "ops/modulate.h"
#include "ops/residual_norm.h"
#include "ops/rope.h"
#include "ops/swiglu.h"

namespace svg::jobs {
namespace {

constexpr int64_t kCheckedRows = 37, kCheckedGroups = 2;

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
  // Those of the published transformer, since a kernel is trusted for the widths that it was tried with.
  const NextDitConfig sizes;
  const auto axes = static_cast<int64_t>(sizes.axes_dims.size());
  const at::Tensor places = at::arange(axes * kCheckedRows, at::kLong).view({kCheckedRows, axes});
  Rope rope = rope_of_positions(places, sizes.axes_dims);
  rope = {rope.cos.to(state.device), rope.sin.to(state.device)};
  // Drawn, so that a kernel that leaves a weight out or takes that of another row is found.
  const RowWeights one{drawn({1, sizes.dim}, at::kFloat), {}};
  const at::Tensor group = (at::arange(kCheckedRows, at::kInt) % kCheckedGroups).to(at::kInt).to(state.device);
  const RowWeights packed{drawn({kCheckedGroups, sizes.dim}, at::kFloat), group};
  const at::Tensor norm = drawn({sizes.head_dim()}, at::kFloat);
  int64_t checked = 0;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    check_cancelled();
    swiglu(drawn({kCheckedRows, sizes.ffn_dim}, dtype), drawn({kCheckedRows, sizes.ffn_dim}, dtype));
    const at::Tensor x = drawn({kCheckedRows, sizes.dim}, at::kFloat), y = drawn({kCheckedRows, sizes.dim}, dtype);
    for (const RowWeights& weights : {one, packed}) {
      scaled_rms_norm(x, weights, sizes.norm_eps, dtype);
      add_scaled_rms_norm(x, y, weights, sizes.norm_eps);
      residual_norm(x, y, weights, sizes.norm_eps, drawn(weights.rows.sizes().vec(), at::kFloat), sizes.norm_eps,
                    dtype);
    }
    norm_rotate_heads(y.view({kCheckedRows, sizes.heads, sizes.head_dim()}), norm, sizes.norm_eps, rope);
    const int64_t heads = sizes.heads + 2 * sizes.kv_heads;
    split_heads(
        drawn({kCheckedRows, heads * sizes.head_dim()}, dtype),
        {{sizes.heads, true, norm}, {sizes.kv_heads, true, drawn({sizes.head_dim()}, at::kFloat)}, {sizes.kv_heads}},
        sizes.head_dim(), sizes.norm_eps, rope, dtype);
    checked += 9;
  }
  return {Json::object().set("operations", checked), {}};
}

}  // namespace svg::jobs
