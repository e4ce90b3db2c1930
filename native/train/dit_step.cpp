#include "train/dit_step.h"

#include <c10/core/GradMode.h>

#include "core/error.h"
#include "distributed/make_sync.h"
#include "train/state.h"

namespace svg {

at::Tensor flow_matching_losses(const VelocityModel& model, const DitBatch& batch) {
  const size_t count = batch.data.size();
  SVG_CHECK(count > 0 && batch.noise.size() == count && batch.conditions.size() == count &&
                batch.t.numel() == static_cast<int64_t>(count),
            ErrorCode::kInvalidArgument, "a batch of ", count, " latents, ", batch.noise.size(), " noises, ",
            batch.conditions.size(), " conditions, ", batch.t.numel(), " times");
  std::vector<at::Tensor> noisy;
  for (size_t i = 0; i < count; ++i) {
    const at::Tensor t = batch.t[static_cast<int64_t>(i)];
    noisy.push_back(t * batch.data[i] + (1 - t) * batch.noise[i]);
  }
  const auto velocities = model.forward(noisy, batch.t.flatten(), batch.conditions);
  std::vector<at::Tensor> losses;
  for (size_t i = 0; i < count; ++i) {
    losses.push_back((velocities[i] - (batch.data[i] - batch.noise[i])).square().mean());
  }
  return at::stack(losses);
}

DitTrainer::DitTrainer(const BuildVelocityModel& build, TensorMap start, const DitTrainerOptions& options,
                       at::Generator generator, at::Device device)
    : options_(options),
      source_(std::make_shared<TrainableSource>(std::move(start), std::move(generator), device, options.precision)) {
  model_ = build(Weights(source_));
  if (options.runner) model_->set_runner(options.runner);
  sync_ = make_parameter_sync(options.group, parameters(), source_->leaves(), source_->order(), options.sync);
  const TensorMap owned = sync_->owned(parameters());
  optimizer_ = std::make_unique<AdamW>(owned, options.optimizer);
  ema_ = std::make_unique<Ema>(owned, options.ema);
}

void DitTrainer::start_from(const TensorMap& start) {
  c10::NoGradGuard no_grad;
  for (const auto& [name, value] : start) {
    parameters().at(name).copy_(value);
    if (sync_->owns(name)) ema_->averages().at(name).copy_(value);
  }
  source_->refresh_copies();
}

at::Tensor DitTrainer::accumulate(const DitBatch& batch, double weight, bool last) {
  c10::AutoGradMode grad(true);
  const at::Tensor losses = options_.losses(*model_, batch);
  sync_->begin_backward(last);
  (losses.mean() * weight).backward();
  if (last) {
    sync_->end_backward();
  } else {
    source_->gather_gradients();
  }
  return losses.detach().to(at::kDouble);
}

void DitTrainer::reduce() {
  if (!reduced_) sync_->finish();
  reduced_ = true;
}

StepResult DitTrainer::apply() {
  reduce();
  const TensorMap gradients = sync_->owned(accumulated_gradients(*source_));
  const StepResult result{sync_->global_norm(gradient_norm(gradients))};
  optimizer_->step(sync_->owned(parameters()),
                   {gradients, result.norm, options_.grad_clip, ema_.get(), source_->leaves()});
  sync_->after_step();
  refresh_copies_of(*source_, [this](const std::string& name) { return !sync_->owns(name); });
  discard();
  return result;
}

void DitTrainer::discard() {
  reduced_ = false;
  sync_->discard();
  for (const TensorMap& tensors : {parameters(), source_->leaves()}) {
    for (const auto& entry : tensors) entry.second.mutable_grad() = at::Tensor();
  }
}

TensorMap DitTrainer::state() const {
  TensorMap state;
  add_below(state, "param.", sync_->saved(parameters()));
  if (state.empty()) return state;
  add_below(state, "ema.", ema_->averages());
  add_below(state, "optimizer.", optimizer_->state());
  return state;
}

void DitTrainer::load_state(const TensorMap& state) {
  c10::NoGradGuard no_grad;
  copy_below(state, "param.", parameters());
  source_->refresh_copies();
  ema_->load(below(state, "ema."));
  optimizer_->load_state(below(state, "optimizer."));
}

}  // namespace svg
