#include "train/autoencoder_loss.h"

#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"

namespace svg {
namespace {

constexpr double kMaxAdaptiveWeight = 1e4, kGradientEps = 1e-4;

AutoencoderLossOptions::Pixel parse_pixel(const std::string& name) {
  SVG_CHECK(name == "l1" || name == "l2", ErrorCode::kInvalidConfig, "pixel loss \"", name, "\" is none of l1, l2");
  return name == "l1" ? AutoencoderLossOptions::Pixel::kL1 : AutoencoderLossOptions::Pixel::kL2;
}

AutoencoderLossOptions::Adversarial parse_adversarial(const std::string& name) {
  SVG_CHECK(name == "hinge" || name == "vanilla", ErrorCode::kInvalidConfig, "disc_loss \"", name,
            "\" is none of hinge, vanilla");
  return name == "hinge" ? AutoencoderLossOptions::Adversarial::kHinge : AutoencoderLossOptions::Adversarial::kVanilla;
}

}  // namespace

AutoencoderLossOptions AutoencoderLossOptions::from_json(const Json& json) {
  AutoencoderLossOptions options;
  options.pixel = parse_pixel(json.get_string("pixel", "l1"));
  options.perceptual_weight = json.get_double("perceptual_weight", options.perceptual_weight);
  options.disc_weight = json.get_double("disc_weight", options.disc_weight);
  options.disc_factor = json.get_double("disc_factor", options.disc_factor);
  options.disc_start = json.get_int("disc_start", options.disc_start);
  options.disc_loss = parse_adversarial(json.get_string("disc_loss", "hinge"));
  options.logvar = json.get_double("logvar", json.get_double("logvar_init", options.logvar));
  return options;
}

AutoencoderLossOptions AutoencoderLossOptions::from_request(const Request& request) {
  AutoencoderLossOptions options;
  options.pixel = parse_pixel(request.at("pixel").as_string());
  options.perceptual_weight = request.at("perceptualWeight").as_double();
  options.disc_weight = request.at("discWeight").as_double();
  options.disc_factor = request.at("discFactor").as_double();
  options.disc_start = request.at("discStart").as_int();
  options.disc_loss = parse_adversarial(request.at("discLoss").as_string());
  options.logvar = request.at("logvar").as_double();
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
