// The job that has the fused operations of drawing and training prove themselves on this machine.
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>

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

using Tensors = std::vector<at::Tensor>;

/// Forward and backward, each result with a gradient that is drawn.
void run_recorded(const Tensors& inputs, const std::function<Tensors(const Tensors&)>& operation, int64_t& seed) {
  const c10::AutoGradMode grad(true);
  Tensors leaves, slopes;
  for (const at::Tensor& input : inputs) leaves.push_back(input.detach().requires_grad_(true));
  const Tensors results = operation(leaves);
  for (const at::Tensor& result : results) {
    slopes.push_back(seeded_noise(++seed, result.sizes()).to(result.device(), result.scalar_type()));
  }
  torch::autograd::grad(results, leaves, slopes);
}

}  // namespace

/// {} -> {"operations": how many were run}, in fp32 and bf16, forward and, where they have kernels, backward. On a GPU
/// each is held against the plain operations (ops/verified.h), and one that is wrong is told of as in every job: event
/// kernel-fault.
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
  const at::Tensor other_norm = drawn({sizes.head_dim()}, at::kFloat);
  const std::vector<int64_t> hidden = {kCheckedRows, sizes.ffn_dim}, rows = {kCheckedRows, sizes.dim};
  int64_t checked = 0;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    check_cancelled();
    const at::Tensor gate = drawn(hidden, dtype), up = drawn(hidden, dtype);
    swiglu(gate, up);
    run_recorded(
        {gate, up}, [](const Tensors& given) { return Tensors{swiglu(given[0], given[1])}; }, seed);
    const at::Tensor x = drawn(rows, at::kFloat), y = drawn(rows, dtype);
    for (const RowWeights& weights : {one, packed}) {
      scaled_rms_norm(x, weights, sizes.norm_eps, dtype);
      add_scaled_rms_norm(x, y, weights, sizes.norm_eps);
      residual_norm(x, y, weights, sizes.norm_eps, drawn(weights.rows.sizes().vec(), at::kFloat), sizes.norm_eps,
                    dtype);
      run_recorded(
          {x, weights.rows},
          [&](const Tensors& given) {
            return Tensors{scaled_rms_norm(given[0], {given[1], weights.group}, sizes.norm_eps, dtype)};
          },
          seed);
      run_recorded(
          {x, y, weights.rows},
          [&](const Tensors& given) {
            return Tensors{add_scaled_rms_norm(given[0], given[1], {given[2], weights.group}, sizes.norm_eps)};
          },
          seed);
    }
    norm_rotate_heads(y.view({kCheckedRows, sizes.heads, sizes.head_dim()}), norm, sizes.norm_eps, rope);
    const int64_t heads = sizes.heads + 2 * sizes.kv_heads;
    const at::Tensor joined = drawn({kCheckedRows, heads * sizes.head_dim()}, dtype);
    const auto split = [&](const at::Tensor& given, const at::Tensor& of_queries, const at::Tensor& of_keys) {
      return split_heads(given, {{sizes.heads, true, of_queries}, {sizes.kv_heads, true, of_keys}, {sizes.kv_heads}},
                         sizes.head_dim(), sizes.norm_eps, rope, dtype);
    };
    split(joined, norm, other_norm);
    run_recorded(
        {joined, norm, other_norm}, [&](const Tensors& given) { return split(given[0], given[1], given[2]); }, seed);
    checked += 15;
  }
  return {Json::object().set("operations", checked), {}};
}

}  // namespace svg::jobs
