#include "train/autoencoder_step.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "core/error.h"

namespace svg {
namespace {

constexpr double kMaxAdaptiveWeight = 1e4, kGradientEps = 1e-4;

at::Tensor pixel_loss(AutoencoderLossOptions::Pixel kind, const at::Tensor& image, const at::Tensor& reconstruction) {
  const at::Tensor difference = image - reconstruction;
  return kind == AutoencoderLossOptions::Pixel::kL1 ? difference.abs() : difference.square();
}

at::Tensor discriminator_loss(AutoencoderLossOptions::Adversarial kind, const at::Tensor& real,
                              const at::Tensor& fake) {
  if (kind == AutoencoderLossOptions::Adversarial::kHinge) {
    return 0.5 * (at::relu(1 - real).mean() + at::relu(1 + fake).mean());
  }
  return 0.5 * (at::softplus(-real).mean() + at::softplus(fake).mean());
}

at::Tensor mean_of(const std::vector<at::Tensor>& scalars) {
  const double count = static_cast<double>(scalars.size());
  at::Tensor sum = scalars[0] / count;
  for (size_t i = 1; i < scalars.size(); ++i) sum = sum + scalars[i] / count;
  return sum;
}

/// One copy to the host for all of them.
std::vector<double> values_of(const std::vector<at::Tensor>& scalars) {
  std::vector<at::Tensor> detached;
  for (const at::Tensor& scalar : scalars) detached.push_back(scalar.detach().to(at::kDouble));
  const at::Tensor host = at::stack(detached).to(at::kCPU);
  return std::vector<double>(host.data_ptr<double>(), host.data_ptr<double>() + host.numel());
}

/// Sets the gradients of `parameters` from `loss`, and of nothing else on the way.
void backward_into(const at::Tensor& loss, const TensorMap& parameters) {
  std::vector<at::Tensor> leaves;
  for (const auto& [name, parameter] : parameters) leaves.push_back(parameter);
  const std::vector<at::Tensor> gradients = torch::autograd::grad({loss}, leaves, /*grad_outputs=*/{},
                                                                  /*retain_graph=*/false, /*create_graph=*/false,
                                                                  /*allow_unused=*/true);
  for (size_t i = 0; i < leaves.size(); ++i) leaves[i].mutable_grad() = gradients[i];
}

void clear_gradients(const TensorMap& parameters) {
  for (const auto& [name, parameter] : parameters) parameter.mutable_grad() = at::Tensor();
}

void add_prefixed(TensorMap& all, const std::string& prefix, const TensorMap& part) {
  for (const auto& [name, value] : part) all[prefix + name] = value;
}

TensorMap part_of(const TensorMap& all, const std::string& prefix) {
  TensorMap part;
  for (auto it = all.lower_bound(prefix); it != all.end() && it->first.rfind(prefix, 0) == 0; ++it) {
    part[it->first.substr(prefix.size())] = it->second;
  }
  return part;
}

void copy_into(const TensorMap& state, const std::string& prefix, const TensorMap& live) {
  c10::NoGradGuard no_grad;
  for (const auto& [name, value] : live) {
    const auto found = state.find(prefix + name);
    SVG_CHECK(found != state.end(), ErrorCode::kWeightsMismatch, "the training state has no \"", prefix, name, "\"");
    SVG_CHECK(found->second.sizes() == value.sizes(), ErrorCode::kWeightsMismatch, "\"", prefix, name,
              "\" of the training state has shape ", found->second.sizes(), ", not ", value.sizes());
    at::Tensor target = value;
    target.copy_(found->second);
  }
}

}  // namespace

AutoencoderLossOptions AutoencoderLossOptions::from_json(const Json& json) {
  AutoencoderLossOptions options;
  const std::string pixel = json.get_string("pixel", "l1");
  SVG_CHECK(pixel == "l1" || pixel == "l2", ErrorCode::kInvalidConfig, "pixel loss \"", pixel, "\" is none of l1, l2");
  options.pixel = pixel == "l1" ? Pixel::kL1 : Pixel::kL2;
  options.perceptual_weight = json.get_double("perceptual_weight", options.perceptual_weight);
  options.disc_weight = json.get_double("disc_weight", options.disc_weight);
  options.disc_factor = json.get_double("disc_factor", options.disc_factor);
  options.disc_start = json.get_int("disc_start", options.disc_start);
  const std::string adversarial = json.get_string("disc_loss", "hinge");
  SVG_CHECK(adversarial == "hinge" || adversarial == "vanilla", ErrorCode::kInvalidConfig, "disc_loss \"", adversarial,
            "\" is none of hinge, vanilla");
  options.disc_loss = adversarial == "hinge" ? Adversarial::kHinge : Adversarial::kVanilla;
  options.logvar = json.get_double("logvar", json.get_double("logvar_init", options.logvar));
  return options;
}

AutoencoderTrainer::AutoencoderTrainer(std::shared_ptr<TrainableSource> generator, at::Tensor last_weight,
                                       std::shared_ptr<TrainableSource> discriminator,
                                       const PatchDiscriminatorConfig& patch, Lpips lpips, const Options& options)
    : options_(options),
      generator_(std::move(generator)),
      discriminator_(std::move(discriminator)),
      last_weight_(std::move(last_weight)),
      patch_(Weights(discriminator_), patch),
      lpips_(std::move(lpips)),
      generator_optimizer_(generator_->parameters(), options.optimizer),
      discriminator_optimizer_(discriminator_->parameters(), options.optimizer) {}

AutoencoderStepResult AutoencoderTrainer::step(const std::vector<at::Tensor>& images,
                                               const std::vector<at::Tensor>& reconstructions) {
  SVG_CHECK(!images.empty() && images.size() == reconstructions.size(), ErrorCode::kInvalidArgument,
            "[autoencoder_step] ", images.size(), " images, ", reconstructions.size(), " reconstructions");
  AutoencoderStepResult result;
  result.applied =
      update_generator(images, reconstructions, result) && update_discriminator(images, reconstructions, result);
  return result;
}

bool AutoencoderTrainer::update_generator(const std::vector<at::Tensor>& images,
                                          const std::vector<at::Tensor>& reconstructions,
                                          AutoencoderStepResult& result) {
  const AutoencoderLossOptions& loss = options_.loss;
  std::vector<at::Tensor> nlls, recs, distances, logits;
  for (size_t i = 0; i < images.size(); ++i) {
    const at::Tensor distance = loss.perceptual_weight > 0 ? lpips_(images[i], reconstructions[i]).view({-1, 1, 1, 1})
                                                           : at::zeros({1}, reconstructions[i].options());
    // (1, 3, H, W): the distance counts once for every value of the image.
    const at::Tensor rec = pixel_loss(loss.pixel, images[i], reconstructions[i]) + loss.perceptual_weight * distance;
    nlls.push_back((rec / std::exp(loss.logvar) + loss.logvar).sum());
    recs.push_back(rec.mean());
    distances.push_back(distance.mean());
    logits.push_back(patch_(reconstructions[i], /*training=*/true).flatten());
  }
  const at::Tensor nll = mean_of(nlls);
  const at::Tensor adversarial = -at::cat(logits).mean();
  const at::Tensor weight = adaptive_weight(nll, adversarial);
  const at::Tensor total = nll + weight * discriminator_factor() * adversarial;

  const std::vector<double> values = values_of({total, nll, mean_of(recs), mean_of(distances), adversarial, weight});
  result.total = values[0];
  result.nll = values[1];
  result.rec = values[2];
  result.perceptual = values[3];
  result.generator = values[4];
  result.adaptive_weight = values[5];
  if (!std::isfinite(result.total)) return false;

  backward_into(total, generator_->parameters());
  generator_optimizer_.step(generator_->parameters());
  clear_gradients(generator_->parameters());
  ++steps_;
  return true;
}

bool AutoencoderTrainer::update_discriminator(const std::vector<at::Tensor>& images,
                                              const std::vector<at::Tensor>& reconstructions,
                                              AutoencoderStepResult& result) {
  std::vector<at::Tensor> losses, reals, fakes;
  for (size_t i = 0; i < images.size(); ++i) {
    const at::Tensor real = patch_(images[i].detach(), /*training=*/true);
    const at::Tensor fake = patch_(reconstructions[i].detach(), /*training=*/true);
    losses.push_back(discriminator_loss(options_.loss.disc_loss, real, fake));
    reals.push_back(real.mean());
    fakes.push_back(fake.mean());
  }
  const at::Tensor loss = discriminator_factor() * mean_of(losses);
  const std::vector<double> values = values_of({loss, mean_of(reals), mean_of(fakes)});
  result.discriminator = values[0];
  result.logits_real = values[1];
  result.logits_fake = values[2];
  if (!std::isfinite(result.discriminator)) return false;

  backward_into(loss, discriminator_->parameters());
  discriminator_optimizer_.step(discriminator_->parameters());
  clear_gradients(discriminator_->parameters());
  ++steps_;
  return true;
}

at::Tensor AutoencoderTrainer::adaptive_weight(const at::Tensor& nll, const at::Tensor& adversarial) const {
  const auto norm_at_last = [&](const at::Tensor& loss) {
    return torch::autograd::grad({loss}, {last_weight_}, /*grad_outputs=*/{}, /*retain_graph=*/true)[0].norm();
  };
  const at::Tensor ratio = norm_at_last(nll) / (norm_at_last(adversarial) + kGradientEps);
  return ratio.clamp(0, kMaxAdaptiveWeight).detach() * options_.loss.disc_weight;
}

TensorMap AutoencoderTrainer::state() const {
  TensorMap state;
  add_prefixed(state, "generator.", generator_->parameters());
  add_prefixed(state, "discriminator.", discriminator_->parameters());
  add_prefixed(state, "discriminator.", discriminator_->buffers());
  add_prefixed(state, "optimizer.generator.", generator_optimizer_.state());
  add_prefixed(state, "optimizer.discriminator.", discriminator_optimizer_.state());
  state["steps"] = at::full({}, steps_, at::kLong);
  return state;
}

void AutoencoderTrainer::load_state(const TensorMap& state) {
  copy_into(state, "generator.", generator_->parameters());
  copy_into(state, "discriminator.", discriminator_->parameters());
  copy_into(state, "discriminator.", discriminator_->buffers());
  generator_optimizer_.load_state(part_of(state, "optimizer.generator."));
  discriminator_optimizer_.load_state(part_of(state, "optimizer.discriminator."));
  const auto steps = state.find("steps");
  SVG_CHECK(steps != state.end(), ErrorCode::kWeightsMismatch, "the training state has no \"steps\"");
  steps_ = steps->second.item<int64_t>();
}

}  // namespace svg
