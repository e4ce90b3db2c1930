#include "engine/sampling.h"

#include "core/cancel.h"
#include "core/error.h"
#include "core/stopwatch.h"

namespace svg {
namespace {

at::Tensor flatten_all(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> flat;
  for (const at::Tensor& tensor : tensors) flat.push_back(tensor.reshape({-1}));
  return flat.size() == 1 ? flat[0] : at::cat(flat);
}

// Solvers treat every element alike, so a batch of different sizes travels through them as one row.
std::vector<at::Tensor> split_like(const at::Tensor& flat, const std::vector<at::Tensor>& shapes) {
  std::vector<at::Tensor> parts;
  int64_t start = 0;
  for (const at::Tensor& shape : shapes) {
    parts.push_back(flat.narrow(0, start, shape.numel()).view(shape.sizes()));
    start += shape.numel();
  }
  return parts;
}

}  // namespace

SampledLatents sample_latents(const VelocityModel& model, const std::vector<GuidedItem>& items,
                              const Guidance& guidance, const SamplerOptions& solver,
                              const std::vector<at::Tensor>& noise, const SampleStepFn& on_step) {
  if (solver.adaptive() && items.size() > 1) {
    SampledLatents all;
    for (size_t i = 0; i < items.size(); ++i) {
      const SampledLatents one = sample_latents(model, {items[i]}, guidance, solver, {noise[i]}, on_step);
      all.latents.push_back(one.latents[0]);
      all.evaluations.push_back(one.evaluations[0]);
      all.model_seconds += one.model_seconds;
    }
    return all;
  }
  const std::unique_ptr<GuidedVelocity> guided = model.guide(items, guidance);
  guided->plan_times(model_times(solver));
  at::Tensor predicted;
  double model_seconds = 0;
  Stopwatch watch(model.device());
  ModelEvaluations evaluations;
  const VelocityFn velocity = [&](const at::Tensor& x, const SolverTime& when) {
    check_cancelled();
    watch.lap();
    const at::Tensor v = flatten_all(guided->velocity(split_like(x, noise), when));
    model_seconds += watch.lap();
    const GuidanceNeeds needs = guidance.needs(when);
    evaluations.conditional += needs.conditional;
    evaluations.unconditional += needs.unconditional;
    if (on_step) predicted = x + (1 - when.t) * v;
    return v;
  };
  const StepFn progress = [&](const SolverProgress& done, SolverState&) {
    check_cancelled();
    if (on_step) on_step(done, split_like(predicted, noise));
  };
  const at::Tensor result = sample(solver, flatten_all(noise), velocity, progress);
  SVG_CHECK(result.isfinite().all().item<bool>(), ErrorCode::kNumeric,
            "the latents hold NaN or infinity: the weights, the noise or the guidance scale are not sound");
  return {split_like(result, noise), std::vector(items.size(), evaluations), model_seconds};
}

}  // namespace svg
