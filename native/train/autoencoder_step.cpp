#include "train/autoencoder_step.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cmath>

#include "core/error.h"
#include "distributed/make_sync.h"
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

/// Adds the gradients of `loss` to those of the source's parameters, and to nothing else on the way. Without a loss
/// nothing is added, but other ranks are met.
void backward_into(const std::optional<at::Tensor>& loss, TrainableSource& source, ParameterSync& sync, bool last) {
  sync.begin_backward(last);
  if (loss) {
    std::vector<at::Tensor> leaves;
    for (const auto& entry : source.leaves()) leaves.push_back(entry.second);
    torch::autograd::backward({*loss}, /*grad_tensors=*/{}, /*retain_graph=*/false, /*create_graph=*/false, leaves);
    source.gather_gradients();
  }
  if (last) sync.end_backward();
}

std::unique_ptr<ParameterSync> sync_of(const TrainableSource& source, const AutoencoderTrainer::Options& options) {
  return make_parameter_sync(options.group, source.parameters(), source.leaves(), source.order(), options.sync);
}

/// The means of a result, all but the norm.
std::array<double*, 9> means_of(AutoencoderStepResult& result) {
  return {&result.total,           &result.nll,           &result.rec,         &result.perceptual, &result.generator,
          &result.adaptive_weight, &result.discriminator, &result.logits_real, &result.logits_fake};
}

/// What one rank saves of a network and its optimiser.
void add_saved(TensorMap& state, const std::string& name, const TrainableSource& source, const AdamW& optimizer,
               const ParameterSync& sync) {
  const TensorMap saved = sync.saved(source.parameters());
  if (saved.empty()) return;
  add_below(state, name + ".", saved);
  add_below(state, "optimizer." + name + ".", optimizer.state());
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

AutoencoderTrainer::Discriminator::Discriminator(const Adversary& adversary, const Options& options)
    : source(adversary.source),
      network(Weights(adversary.source), adversary.config),
      sync(sync_of(*adversary.source, options)),
      optimizer(sync->owned(adversary.source->parameters()), options.optimizer) {}

AutoencoderTrainer::AutoencoderTrainer(std::shared_ptr<TrainableSource> generator, at::Tensor last_weight,
                                       const std::optional<Adversary>& adversary, std::optional<Lpips> lpips,
                                       const Options& options)
    : options_(options),
      generator_(std::move(generator)),
      last_weight_(std::move(last_weight)),
      lpips_(std::move(lpips)),
      sync_(sync_of(*generator_, options)),
      optimizer_(sync_->owned(generator_->parameters()), options.optimizer) {
  if (options.ema.decay > 0) {
    ema_.emplace(sync_->owned(generator_->parameters()), options.ema, options.optimizer.fused);
  }
  if (adversary) discriminator_.emplace(*adversary, options);
}

AutoencoderStepResult AutoencoderTrainer::step(const Images& images, const Images& reconstructions) {
  accumulate(images, reconstructions, 1);
  return apply();
}

void AutoencoderTrainer::accumulate(const Images& images, const Images& reconstructions, double share, bool last) {
  SVG_CHECK(!images.empty() && images.size() == reconstructions.size(), ErrorCode::kInvalidArgument,
            "[autoencoder_step] ", images.size(), " batches of images, ", reconstructions.size(),
            " of reconstructions");
  if (discriminator_ && shares_ == 0) {
    for (const auto& [name, buffer] : discriminator_->source->buffers()) {
      discriminator_->buffers_before[name] = buffer.clone();
    }
  }
  shares_ += share;
  const auto weighted = [&](const at::Tensor& loss) {
    return finite_ ? std::make_optional(loss * share) : std::nullopt;
  };
  const at::Tensor loss = generator_loss(images, reconstructions, share);
  backward_into(weighted(loss), *generator_, *sync_, last);
  if (!discriminator_) return;
  const at::Tensor adversarial = finite_ ? adversarial_loss(images, reconstructions, share) : at::Tensor();
  backward_into(weighted(adversarial), *discriminator_->source, *discriminator_->sync, last);
}

at::Tensor AutoencoderTrainer::generator_loss(const Images& images, const Images& reconstructions, double share) {
  const AutoencoderLossOptions& options = options_.loss;
  Images nlls, recs, distances, logits;
  for (size_t i = 0; i < images.size(); ++i) {
    const bool perceptual = lpips_ && options.perceptual_weight > 0;
    // The distance first, the pixels after it: the order in which the reference sums their gradients.
    const at::Tensor distance = perceptual ? (*lpips_)(images[i], reconstructions[i]).view({-1, 1, 1, 1})
                                           : at::zeros({1}, reconstructions[i].options());
    at::Tensor rec = pixel_loss(options.pixel, images[i], reconstructions[i]);  // (B, 3, H, W)
    if (perceptual) rec = rec + options.perceptual_weight * distance;           // once for every value of the image
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

void AutoencoderTrainer::reduce() {
  if (reduced_) return;
  sync_->finish();
  if (discriminator_) discriminator_->sync->finish();
  reduced_ = true;
}

AutoencoderStepResult AutoencoderTrainer::apply() {
  SVG_CHECK(shares_ > 0, ErrorCode::kInvalidArgument, "[autoencoder_step] nothing was accumulated");
  reduce();
  sum_over_ranks();
  AutoencoderStepResult result = sums_;
  for (double* mean : means_of(result)) *mean /= shares_;
  const auto norm_of = [](const TrainableSource& source, ParameterSync& sync) {
    return sync.global_norm(gradient_norm(sync.owned(source.parameters())));
  };
  result.grad_norm = finite_ ? norm_of(*generator_, *sync_) : std::nan("");
  double adversary_norm = 0;
  if (finite_ && discriminator_) adversary_norm = norm_of(*discriminator_->source, *discriminator_->sync);
  result.applied = finite_ && std::isfinite(result.grad_norm) && std::isfinite(adversary_norm);
  if (result.applied) {
    const auto update = [&](TrainableSource& source, ParameterSync& sync, AdamW& optimizer, double norm) {
      const TensorMap owned = sync.owned(source.parameters());
      if (options_.grad_clip > 0) clip_gradients(owned, norm, options_.grad_clip);
      optimizer.step(owned);
      sync.after_step();
      source.refresh_copies();
      ++steps_;
    };
    update(*generator_, *sync_, optimizer_, result.grad_norm);
    if (ema_) ema_->update(sync_->owned(generator_->parameters()), optimizer_.steps());
    if (discriminator_) {
      update(*discriminator_->source, *discriminator_->sync, discriminator_->optimizer, adversary_norm);
      discriminator_->buffers_before.clear();  // the new running statistics stay
    }
  }
  discard();
  return result;
}

/// What this rank has seen becomes what all have seen, so that they report and decide alike.
void AutoencoderTrainer::sum_over_ranks() {
  std::vector<double> values = {shares_, finite_ ? 0.0 : 1.0};
  for (const double* sum : means_of(sums_)) values.push_back(*sum);
  values = sync_->sum(values);
  shares_ = values[0];
  finite_ = values[1] == 0;
  const auto sums = means_of(sums_);
  for (size_t i = 0; i < sums.size(); ++i) *sums[i] = values[2 + i];
}

void AutoencoderTrainer::discard() {
  sync_->discard();
  clear_gradients(*generator_);
  if (discriminator_) {
    discriminator_->sync->discard();
    clear_gradients(*discriminator_->source);
    if (!discriminator_->buffers_before.empty()) {
      copy_below(discriminator_->buffers_before, "", discriminator_->source->buffers());
    }
    discriminator_->buffers_before.clear();
  }
  sums_ = {};
  shares_ = 0;
  finite_ = true;
  reduced_ = false;
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
  add_saved(state, "generator", *generator_, optimizer_, *sync_);
  if (ema_) add_below(state, "ema.", sync_->saved(ema_->averages()));
  if (discriminator_) {
    const Discriminator& discriminator = *discriminator_;
    add_saved(state, "discriminator", *discriminator.source, discriminator.optimizer, *discriminator.sync);
    add_below(state, "discriminator.", discriminator.sync->saved(discriminator.source->buffers()));
  }
  if (sync_->saves("steps")) state["steps"] = at::full({}, steps_, at::kLong);
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
