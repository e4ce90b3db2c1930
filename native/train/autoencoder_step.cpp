#include "train/autoencoder_step.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "core/error.h"
#include "core/transfer.h"
#include "distributed/make_sync.h"
#include "train/gradients.h"
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

/// Adds the gradients of `loss` to those of the source's parameters, and to nothing else on the way.
void backward_into(const at::Tensor& loss, TrainableSource& source, ParameterSync& sync, bool last) {
  sync.begin_backward(last);
  std::vector<at::Tensor> leaves;
  for (const auto& entry : source.leaves()) leaves.push_back(entry.second);
  torch::autograd::backward({loss}, /*grad_tensors=*/{}, /*retain_graph=*/false, /*create_graph=*/false, leaves);
  if (last) {
    sync.end_backward();
  } else {
    source.gather_gradients();
  }
}

std::unique_ptr<ParameterSync> sync_of(const TrainableSource& source, const AutoencoderTrainer::Options& options) {
  return make_parameter_sync(options.group, source.parameters(), source.leaves(), source.order(), options.sync);
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

AutoencoderStepResult AutoencoderStepNumbers::read() const {
  const at::Tensor host = values_.cpu();
  const double* values = host.const_data_ptr<double>();
  const size_t losses = names_.size();
  AutoencoderStepResult result;
  for (size_t i = 0; i < losses; ++i) result.losses.add(names_[i], values[i]);
  result.grad_norm = values[losses];
  result.applied = values[losses + 1] != 0;
  return result;
}

AutoencoderTrainer::Discriminator::Discriminator(const Adversary& adversary, const Options& options)
    : source(adversary.source),
      network(Weights(adversary.source), adversary.config),
      sync(sync_of(*adversary.source, options)),
      optimizer(sync->owned(adversary.source->parameters()), options.optimizer) {}

AutoencoderTrainer::AutoencoderTrainer(std::shared_ptr<TrainableSource> generator, at::Tensor last_weight,
                                       const std::optional<Adversary>& adversary, LossParts parts,
                                       const Options& options)
    : options_(options),
      generator_(std::move(generator)),
      last_weight_(std::move(last_weight)),
      parts_(std::move(parts)),
      sync_(sync_of(*generator_, options)),
      optimizer_(sync_->owned(generator_->parameters()), options.optimizer),
      steps_(at::zeros({}, last_weight_.options().dtype(at::kLong).requires_grad(false))) {
  if (options.ema.decay > 0) {
    ema_.emplace(sync_->owned(generator_->parameters()), options.ema);
  }
  if (adversary) discriminator_.emplace(*adversary, options);
}

AutoencoderStepNumbers AutoencoderTrainer::step(const Images& images, const Images& reconstructions) {
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
  Scalars reported;
  const at::Tensor loss = generator_loss(images, reconstructions, reported);
  backward_into(loss * share, *generator_, *sync_, last);
  const at::Tensor adversarial = adversarial_loss(images, reconstructions, reported);
  if (discriminator_) backward_into(adversarial * share, *discriminator_->source, *discriminator_->sync, last);
  add_values(reported, share);
}

at::Tensor AutoencoderTrainer::generator_loss(const Images& images, const Images& reconstructions, Scalars& reported) {
  const AutoencoderLossOptions& options = options_.loss;
  const std::vector<DistanceLoss>& distances = distance_losses();
  Images nlls, recs, logits;
  std::vector<Images> means(distances.size());
  for (size_t i = 0; i < images.size(); ++i) {
    // The distances first, the pixels after them: the order in which the reference sums their gradients.
    std::vector<std::pair<double, at::Tensor>> added;
    for (size_t k = 0; k < distances.size(); ++k) {
      const double weight = options.*distances[k].weight;
      if (weight <= 0 || !distances[k].available(parts_)) continue;
      added.emplace_back(weight, distances[k].of(parts_, images[i], reconstructions[i]).view({-1, 1, 1, 1}));
      means[k].push_back(added.back().second.mean());
    }
    at::Tensor rec = options.pixel.each(images[i] - reconstructions[i]);         // (B, 3, H, W)
    for (const auto& [weight, distance] : added) rec = rec + weight * distance;  // once for every value of the image
    nlls.push_back((rec / std::exp(options.logvar) + options.logvar).sum() / static_cast<double>(rec.size(0)));
    recs.push_back(rec.mean());
    if (discriminator_) logits.push_back(discriminator_->network(reconstructions[i], /*training=*/true).flatten());
  }
  const std::vector<int64_t> counts = counts_of(images);
  const at::Tensor nll = mean_over(nlls, counts);
  at::Tensor total = nll, adversarial, weight;
  if (discriminator_) {
    adversarial = -at::cat(logits).mean();
    weight = adaptive_weight(nll, adversarial, last_weight_, options.disc_weight);
    total = nll + weight * discriminator_factor(0, weight) * adversarial;
  }
  reported.insert(reported.end(), {{"total", total, true}, {"nll", nll}, {"rec", mean_over(recs, counts)}});
  for (size_t k = 0; k < distances.size(); ++k) {
    reported.push_back({distances[k].name, means[k].empty() ? at::Tensor() : mean_over(means[k], counts)});
  }
  reported.push_back({"generator", adversarial});
  reported.push_back({"adaptiveWeight", weight});
  return total;
}

at::Tensor AutoencoderTrainer::adversarial_loss(const Images& images, const Images& reconstructions,
                                                Scalars& reported) {
  at::Tensor loss, real_mean, fake_mean;
  if (discriminator_) {
    Images losses, reals, fakes;
    for (size_t i = 0; i < images.size(); ++i) {
      const at::Tensor real = discriminator_->network(images[i].detach(), /*training=*/true);
      const at::Tensor fake = discriminator_->network(reconstructions[i].detach(), /*training=*/true);
      losses.push_back(options_.loss.disc_loss.of(real, fake));
      reals.push_back(real.mean());
      fakes.push_back(fake.mean());
    }
    const std::vector<int64_t> counts = counts_of(images);
    const at::Tensor mean = mean_over(losses, counts);
    loss = discriminator_factor(1, mean) * mean;  // the generator's update comes first and counts
    real_mean = mean_over(reals, counts);
    fake_mean = mean_over(fakes, counts);
  }
  // Named in any case, so that all ranks report alike.
  reported.insert(reported.end(),
                  {{"discriminator", loss, true}, {"logitsReal", real_mean}, {"logitsFake", fake_mean}});
  return loss;
}

void AutoencoderTrainer::add_values(const Scalars& scalars, double share) {
  const c10::NoGradGuard no_grad;
  const at::Tensor zero = at::zeros({}, steps_.options().dtype(at::kDouble));
  names_.clear();
  std::vector<at::Tensor> values;
  at::Tensor broken = zero;
  for (const auto& [name, value, lowered] : scalars) {
    names_.push_back(name);
    values.push_back(value.defined() ? value.detach().to(at::kDouble) : zero);
    if (lowered) broken = broken + values.back().isfinite().eq(0);
  }
  const at::Tensor sums = at::cat({share * at::stack(values), broken.view({1})});
  sums_ = sums_.defined() ? sums_ + sums : sums;
}

void AutoencoderTrainer::reduce() {
  if (reduced_) return;
  sync_->finish();
  if (discriminator_) discriminator_->sync->finish();
  reduced_ = true;
}

AutoencoderStepNumbers AutoencoderTrainer::apply() {
  SVG_CHECK(shares_ > 0, ErrorCode::kInvalidArgument, "[autoencoder_step] nothing was accumulated");
  reduce();
  const c10::NoGradGuard no_grad;
  // What this rank has seen becomes what all have seen, so that they report and decide alike.
  const at::Tensor seen = on_device(sync_->sum(at::cat({sums_, at::full({1}, shares_, sums_.options())})));
  const auto count = static_cast<int64_t>(names_.size());
  const at::Tensor losses = seen.narrow(0, 0, count) / seen[count + 1];
  const at::Tensor broken = seen[count] > 0;
  struct Gradients {
    TensorMap of;
    at::Tensor norm;
  };
  const auto gradients_for = [this](TrainableSource& source, ParameterSync& sync) {
    const TensorMap owned = sync.owned(accumulated_gradients(source));
    return Gradients{owned, on_device(sync.global_norm(gradient_norm(owned)))};
  };
  Gradients generators = gradients_for(*generator_, *sync_), adversaries;
  at::Tensor lost = broken.bitwise_or(generators.norm.isfinite().eq(0));
  if (discriminator_) {
    adversaries = gradients_for(*discriminator_->source, *discriminator_->sync);
    lost = lost.bitwise_or(adversaries.norm.isfinite().eq(0));
  }
  const at::Tensor norm = generators.norm.masked_fill(broken, std::nan(""));
  const at::Tensor applied = lost.eq(0);
  // Both networks learn from a step, or neither: the optimiser leaves out what has no finite norm.
  const auto update = [&](TrainableSource& source, ParameterSync& sync, AdamW& optimizer, const Gradients& gradients,
                          Ema* ema) {
    optimizer.step(sync.owned(source.parameters()), {gradients.of, gradients.norm.masked_fill(lost, std::nan("")),
                                                     options_.grad_clip, ema, source.leaves()});
    sync.after_step();
    refresh_copies_of(source, [&sync](const std::string& name) { return !sync.owns(name); });
    steps_ += applied;
  };
  update(*generator_, *sync_, optimizer_, generators, ema_ ? &*ema_ : nullptr);
  if (discriminator_) {
    update(*discriminator_->source, *discriminator_->sync, discriminator_->optimizer, adversaries, nullptr);
    for (const auto& [name, buffer] : discriminator_->source->buffers()) {  // the new running statistics stay, or go
      at::Tensor(buffer).copy_(at::where(applied, buffer, discriminator_->buffers_before.at(name)));
    }
    discriminator_->buffers_before.clear();
  }
  AutoencoderStepNumbers numbers(names_, at::cat({losses, at::stack({norm, applied.to(at::kDouble)})}));
  discard();
  return numbers;
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
  sums_ = at::Tensor();
  shares_ = 0;
  reduced_ = false;
}

void AutoencoderTrainer::set_lr(double lr) {
  optimizer_.options().lr = lr;
  if (discriminator_) discriminator_->optimizer.options().lr = lr;
}

at::Tensor AutoencoderTrainer::discriminator_factor(int64_t further, const at::Tensor& like) const {
  return (steps_ + further >= options_.loss.disc_start).to(like.scalar_type()) * options_.loss.disc_factor;
}

at::Tensor AutoencoderTrainer::on_device(const at::Tensor& scalar) const { return sent_to(scalar, steps_.device()); }

TensorMap AutoencoderTrainer::state() const {
  TensorMap state;
  add_saved(state, "generator", *generator_, optimizer_, *sync_);
  if (ema_) add_below(state, "ema.", sync_->saved(ema_->averages()));
  if (discriminator_) {
    const Discriminator& discriminator = *discriminator_;
    add_saved(state, "discriminator", *discriminator.source, discriminator.optimizer, *discriminator.sync);
    add_below(state, "discriminator.", discriminator.sync->saved(discriminator.source->buffers()));
  }
  if (sync_->saves("steps")) state["steps"] = steps_.to(at::kCPU, at::kLong, /*non_blocking=*/false, /*copy=*/true);
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
  steps_.copy_(steps->second);
}

}  // namespace svg
