#include "train/autoencoder_loss.h"

#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"

namespace svg {
namespace {

constexpr double kMaxAdaptiveWeight = 1e4, kGradientEps = 1e-4;

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

at::Tensor adaptive_weight(const at::Tensor& nll, const at::Tensor& adversarial, const at::Tensor& last_weight,
                           double disc_weight) {
  const auto norm_at_last = [&](const at::Tensor& loss) {
    return torch::autograd::grad({loss}, {last_weight}, /*grad_outputs=*/{}, /*retain_graph=*/true)[0].norm();
  };
  const at::Tensor ratio = norm_at_last(nll) / (norm_at_last(adversarial) + kGradientEps);
  return ratio.clamp(0, kMaxAdaptiveWeight).detach() * disc_weight;
}

}  // namespace svg
