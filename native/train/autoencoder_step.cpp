#include "train/autoencoder_step.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "core/error.h"
#include "train/grad_clip.h"
#include "train/state.h"

namespace svg {
namespace {

/// Mean over all images from those of batches; `counts` are the images of each.
at::Tensor mean_over(const std::vector<at::Tensor>& means, const std::vector<int64_t>& counts) {
  double images = 0;
  for (const int64_t count : counts) images += static_cast<double>(count);
  at::Tensor sum;
  for (size_t i = 0; i < means.size(); ++i) {
    const at::Tensor part = means[i] / (images / static_cast<double>(counts[i]));
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

/// One copy to the host for all of them.
std::vector<double> values_of(const std::vector<at::Tensor>& scalars) {
  std::vector<at::Tensor> detached;
  for (const at::Tensor& scalar : scalars) detached.push_back(scalar.detach().to(at::kDouble));
  const at::Tensor host = at::stack(detached).to(at::kCPU);
  return std::vector<double>(host.data_ptr<double>(), host.data_ptr<double>() + host.numel());
}

/// Adds the gradients of `loss` to those of the source's parameters, and to nothing else on the way.
void backward_into(const at::Tensor& loss, TrainableSource& source) {
  std::vector<at::Tensor> leaves;
  for (const auto& entry : source.leaves()) leaves.push_back(entry.second);
  torch::autograd::backward({loss}, /*grad_tensors=*/{}, /*retain_graph=*/false, /*create_graph=*/false, leaves);
  source.gather_gradients();
}

void clear_gradients(const TrainableSource& source) {
  for (const TensorMap& tensors : {source.parameters(), source.leaves()}) {
    for (const auto& entry : tensors) entry.second.mutable_grad() = at::Tensor();
  }
}

std::vector<int64_t> counts_of(const std::vector<at::Tensor>& images) {
  std::vector<int64_t> counts;
  for (const at::Tensor& batch : images) counts.push_back(batch.size(0));
  return counts;
}

}  // namespace

AutoencoderTrainer::Discriminator::Discriminator(const Adversary& adversary, const AdamWOptions& options)
    : source(adversary.source),
      network(Weights(adversary.source), adversary.config),
      optimizer(adversary.source->parameters(), options) {}

AutoencoderTrainer::AutoencoderTrainer(std::shared_ptr<TrainableSource> generator, at::Tensor last_weight,
                                       const std::optional<Adversary>& adversary, std::optional<Lpips> lpips,
                                       const Options& options)
    : options_(options),
      generator_(std::move(generator)),
      last_weight_(std::move(last_weight)),
      lpips_(std::move(lpips)),
      optimizer_(generator_->parameters(), options.optimizer) {
  if (options.ema_decay > 0) ema_.emplace(generator_->parameters(), options.ema_decay);
  if (adversary) discriminator_.emplace(*adversary, options.optimizer);
}

AutoencoderStepResult AutoencoderTrainer::step(const Images& images, const Images& reconstructions) {
  accumulate(images, reconstructions, 1);
  return apply();
}

void AutoencoderTrainer::accumulate(const Images& images, const Images& reconstructions, double share) {
  SVG_CHECK(!images.empty() && images.size() == reconstructions.size(), ErrorCode::kInvalidArgument,
            "[autoencoder_step] ", images.size(), " batches of images, ", reconstructions.size(),
            " of reconstructions");
  if (discriminator_ && shares_ == 0) {
    for (const auto& [name, buffer] : discriminator_->source->buffers()) {
      discriminator_->buffers_before[name] = buffer.clone();
    }
  }
  shares_ += share;
  const at::Tensor loss = generator_loss(images, reconstructions, share);
  if (finite_) backward_into(loss * share, *generator_);
  if (!finite_ || !discriminator_) return;
  const at::Tensor adversarial = adversarial_loss(images, reconstructions, share);
  if (finite_) backward_into(adversarial * share, *discriminator_->source);
}

at::Tensor AutoencoderTrainer::generator_loss(const Images& images, const Images& reconstructions, double share) {
  const AutoencoderLossOptions& options = options_.loss;
  Images nlls, recs, distances, logits;
  for (size_t i = 0; i < images.size(); ++i) {
    at::Tensor rec = pixel_loss(options.pixel, images[i], reconstructions[i]);  // (B, 3, H, W)
    at::Tensor distance = at::zeros({1}, reconstructions[i].options());
    if (lpips_ && options.perceptual_weight > 0) {
      // The distance counts once for every value of the image.
      distance = (*lpips_)(images[i], reconstructions[i]).view({-1, 1, 1, 1});
      rec = rec + options.perceptual_weight * distance;
    }
    nlls.push_back((rec / std::exp(options.logvar) + options.logvar).sum() / static_cast<double>(rec.size(0)));
    recs.push_back(rec.mean());
    distances.push_back(distance.mean());
    if (discriminator_) logits.push_back(discriminator_->network(reconstructions[i], /*training=*/true).flatten());
  }
  const std::vector<int64_t> counts = counts_of(images);
  const at::Tensor nll = mean_over(nlls, counts);
  at::Tensor total = nll;
  at::Tensor adversarial = at::zeros_like(nll, nll.options().requires_grad(false)), weight = adversarial;
  if (discriminator_) {
    adversarial = -at::cat(logits).mean();
    weight = adaptive_weight(nll, adversarial, last_weight_, options.disc_weight);
    total = nll + weight * discriminator_factor(steps_) * adversarial;
  }
  const std::vector<double> values =
      values_of({total, nll, mean_over(recs, counts), mean_over(distances, counts), adversarial, weight});
  double* sums[] = {&sums_.total, &sums_.nll, &sums_.rec, &sums_.perceptual, &sums_.generator, &sums_.adaptive_weight};
  for (size_t i = 0; i < values.size(); ++i) *sums[i] += share * values[i];
  finite_ = finite_ && std::isfinite(values[0]);
  return total;
}

at::Tensor AutoencoderTrainer::adversarial_loss(const Images& images, const Images& reconstructions, double share) {
  Images losses, reals, fakes;
  for (size_t i = 0; i < images.size(); ++i) {
    const at::Tensor real = discriminator_->network(images[i].detach(), /*training=*/true);
    const at::Tensor fake = discriminator_->network(reconstructions[i].detach(), /*training=*/true);
    losses.push_back(discriminator_loss(options_.loss.disc_loss, real, fake));
    reals.push_back(real.mean());
    fakes.push_back(fake.mean());
  }
  const std::vector<int64_t> counts = counts_of(images);
  // The generator's update comes first and counts.
  const at::Tensor loss = discriminator_factor(steps_ + 1) * mean_over(losses, counts);
  const std::vector<double> values = values_of({loss, mean_over(reals, counts), mean_over(fakes, counts)});
  sums_.discriminator += share * values[0];
  sums_.logits_real += share * values[1];
  sums_.logits_fake += share * values[2];
  finite_ = finite_ && std::isfinite(values[0]);
  return loss;
}

AutoencoderStepResult AutoencoderTrainer::apply() {
  SVG_CHECK(shares_ > 0, ErrorCode::kInvalidArgument, "[autoencoder_step] nothing was accumulated");
  AutoencoderStepResult result = sums_;
  for (double* mean : {&result.total, &result.nll, &result.rec, &result.perceptual, &result.generator,
                       &result.adaptive_weight, &result.discriminator, &result.logits_real, &result.logits_fake}) {
    *mean /= shares_;
  }
  result.grad_norm = finite_ ? gradient_norm(generator_->parameters()) : std::nan("");
  double adversary_norm = 0;
  if (finite_ && discriminator_) adversary_norm = gradient_norm(discriminator_->source->parameters());
  result.applied = finite_ && std::isfinite(result.grad_norm) && std::isfinite(adversary_norm);
  if (result.applied) {
    const auto update = [&](TrainableSource& source, AdamW& optimizer, double norm) {
      if (options_.grad_clip > 0) clip_gradients(source.parameters(), norm, options_.grad_clip);
      optimizer.step(source.parameters());
      source.refresh_copies();
      ++steps_;
    };
    update(*generator_, optimizer_, result.grad_norm);
    if (ema_) ema_->update(generator_->parameters());
    if (discriminator_) {
      update(*discriminator_->source, discriminator_->optimizer, adversary_norm);
      discriminator_->buffers_before.clear();  // the new running statistics stay
    }
  }
  discard();
  return result;
}

void AutoencoderTrainer::discard() {
  clear_gradients(*generator_);
  if (discriminator_) {
    clear_gradients(*discriminator_->source);
    if (!discriminator_->buffers_before.empty()) {
      copy_below(discriminator_->buffers_before, "", discriminator_->source->buffers());
    }
    discriminator_->buffers_before.clear();
  }
  sums_ = {};
  shares_ = 0;
  finite_ = true;
}

void AutoencoderTrainer::set_lr(double lr) {
  optimizer_.options().lr = lr;
  if (discriminator_) discriminator_->optimizer.options().lr = lr;
}

double AutoencoderTrainer::discriminator_factor(int64_t steps) const {
  return steps < options_.loss.disc_start ? 0 : options_.loss.disc_factor;
}

TensorMap AutoencoderTrainer::state() const {
  TensorMap state;
  add_below(state, "generator.", generator_->parameters());
  add_below(state, "optimizer.generator.", optimizer_.state());
  if (ema_) add_below(state, "ema.", ema_->averages());
  if (discriminator_) {
    add_below(state, "discriminator.", discriminator_->source->parameters());
    add_below(state, "discriminator.", discriminator_->source->buffers());
    add_below(state, "optimizer.discriminator.", discriminator_->optimizer.state());
  }
  state["steps"] = at::full({}, steps_, at::kLong);
  return state;
}

void AutoencoderTrainer::load_state(const TensorMap& state) {
  const auto steps = state.find("steps");
  SVG_CHECK(steps != state.end(), ErrorCode::kWeightsMismatch, "the training state has no \"steps\"");
  copy_below(state, "generator.", generator_->parameters());
  generator_->refresh_copies();
  optimizer_.load_state(below(state, "optimizer.generator."));
  if (ema_) ema_->load(below(state, "ema."));
  if (discriminator_) {
    copy_below(state, "discriminator.", discriminator_->source->parameters());
    copy_below(state, "discriminator.", discriminator_->source->buffers());
    discriminator_->optimizer.load_state(below(state, "optimizer.discriminator."));
  }
  steps_ = steps->second.item<int64_t>();
}

}  // namespace svg
