#include "train/autoencoder_step.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "core/error.h"
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

struct NamedScalar {
  std::string name;
  at::Tensor value;  // undefined: 0
};

/// Adds `share` times each to `sums`, by one copy to the host for all of them. Returns the first.
double add_values(const std::vector<NamedScalar>& scalars, double share, StepValues& sums) {
  std::vector<at::Tensor> detached;
  for (const auto& [name, value] : scalars) {
    detached.push_back(value.defined() ? value.detach().to(at::kDouble) : at::zeros({}, at::kDouble));
    if (detached.back().device() != detached.front().device())
      detached.back() = detached.back().to(detached[0].device());
  }
  const at::Tensor host = at::stack(detached).to(at::kCPU);
  for (size_t i = 0; i < scalars.size(); ++i) sums.add(scalars[i].name, share * host.data_ptr<double>()[i]);
  return host.data_ptr<double>()[0];
}

/// Adds the gradients of `loss` to those of the source's parameters, and to nothing else on the way. Without a loss
/// nothing is added, but other ranks are met.
void backward_into(const std::optional<at::Tensor>& loss, TrainableSource& source, ParameterSync& sync, bool last) {
  sync.begin_backward(last);
  if (loss) {
    std::vector<at::Tensor> leaves;
    for (const auto& entry : source.leaves()) leaves.push_back(entry.second);
    torch::autograd::backward({*loss}, /*grad_tensors=*/{}, /*retain_graph=*/false, /*create_graph=*/false, leaves);
    if (!last) source.gather_gradients();
  }
  if (last) sync.end_backward();
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
      optimizer_(sync_->owned(generator_->parameters()), options.optimizer) {
  if (options.ema.decay > 0) {
    ema_.emplace(sync_->owned(generator_->parameters()), options.ema);
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
  const at::Tensor adversarial = adversarial_loss(images, reconstructions, share);
  if (discriminator_) backward_into(weighted(adversarial), *discriminator_->source, *discriminator_->sync, last);
}

at::Tensor AutoencoderTrainer::generator_loss(const Images& images, const Images& reconstructions, double share) {
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
    total = nll + weight * discriminator_factor(steps_) * adversarial;
  }
  std::vector<NamedScalar> values = {{"total", total}, {"nll", nll}, {"rec", mean_over(recs, counts)}};
  for (size_t k = 0; k < distances.size(); ++k) {
    values.push_back({distances[k].name, means[k].empty() ? at::Tensor() : mean_over(means[k], counts)});
  }
  values.push_back({"generator", adversarial});
  values.push_back({"adaptiveWeight", weight});
  finite_ = std::isfinite(add_values(values, share, sums_)) && finite_;
  return total;
}

at::Tensor AutoencoderTrainer::adversarial_loss(const Images& images, const Images& reconstructions, double share) {
  at::Tensor loss, real_mean, fake_mean;
  if (discriminator_ && finite_) {
    Images losses, reals, fakes;
    for (size_t i = 0; i < images.size(); ++i) {
      const at::Tensor real = discriminator_->network(images[i].detach(), /*training=*/true);
      const at::Tensor fake = discriminator_->network(reconstructions[i].detach(), /*training=*/true);
      losses.push_back(options_.loss.disc_loss.of(real, fake));
      reals.push_back(real.mean());
      fakes.push_back(fake.mean());
    }
    const std::vector<int64_t> counts = counts_of(images);
    // The generator's update comes first and counts.
    loss = discriminator_factor(steps_ + 1) * mean_over(losses, counts);
    real_mean = mean_over(reals, counts);
    fake_mean = mean_over(fakes, counts);
  }
  // Named in any case, so that all ranks report alike.
  const std::vector<NamedScalar> values = {
      {"discriminator", loss}, {"logitsReal", real_mean}, {"logitsFake", fake_mean}};
  finite_ = std::isfinite(add_values(values, share, sums_)) && finite_;
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
  AutoencoderStepResult result;
  result.losses = sums_;
  result.losses.divide(shares_);
  struct Gradients {
    TensorMap of;
    at::Tensor norm;
  };
  const auto gradients_for = [](TrainableSource& source, ParameterSync& sync) {
    const TensorMap owned = sync.owned(accumulated_gradients(source));
    return Gradients{owned, sync.global_norm(gradient_norm(owned))};
  };
  Gradients generators, adversaries;
  if (finite_) generators = gradients_for(*generator_, *sync_);
  if (finite_ && discriminator_) adversaries = gradients_for(*discriminator_->source, *discriminator_->sync);
  const auto is_finite = [](const at::Tensor& norm) { return !norm.defined() || std::isfinite(norm.item<double>()); };
  result.grad_norm = finite_ ? generators.norm.item<double>() : std::nan("");
  result.applied = finite_ && is_finite(generators.norm) && is_finite(adversaries.norm);
  if (result.applied) {
    const auto update = [&](TrainableSource& source, ParameterSync& sync, AdamW& optimizer, const Gradients& gradients,
                            Ema* ema) {
      optimizer.step(sync.owned(source.parameters()),
                     {gradients.of, gradients.norm, options_.grad_clip, ema, source.leaves()});
      sync.after_step();
      refresh_copies_of(source, [&sync](const std::string& name) { return !sync.owns(name); });
      ++steps_;
    };
    update(*generator_, *sync_, optimizer_, generators, ema_ ? &*ema_ : nullptr);
    if (discriminator_) {
      update(*discriminator_->source, *discriminator_->sync, discriminator_->optimizer, adversaries, nullptr);
      discriminator_->buffers_before.clear();  // the new running statistics stay
    }
  }
  discard();
  return result;
}

/// What this rank has seen becomes what all have seen, so that they report and decide alike.
void AutoencoderTrainer::sum_over_ranks() {
  std::vector<double> values = sums_.values();
  values.push_back(shares_);
  values.push_back(finite_ ? 0 : 1);
  values = sync_->sum(values);
  finite_ = values.back() == 0;
  values.pop_back();
  shares_ = values.back();
  values.pop_back();
  sums_.set_values(values);
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
