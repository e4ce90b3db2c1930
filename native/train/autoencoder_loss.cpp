#include "train/autoencoder_loss.h"

#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"

namespace svg {
namespace {

constexpr double kMaxAdaptiveWeight = 1e4, kGradientEps = 1e-4;

template <typename Loss>
std::string names_of(const std::vector<Loss>& losses) {
  std::string names;
  for (const Loss& loss : losses) names += (names.empty() ? "" : ", ") + loss.name;
  return names;
}

template <typename Loss>
const Loss& find_loss(const std::vector<Loss>& losses, const char* what, const std::string& name) {
  for (const Loss& loss : losses) {
    if (loss.name == name) return loss;
  }
  throw Error(ErrorCode::kInvalidConfig, concat(what, " \"", name, "\" is none of ", names_of(losses)));
}

template <typename Loss>
Json list_of(const std::vector<Loss>& losses) {
  Json names = Json::array();
  for (const Loss& loss : losses) names.push_back(loss.name);
  return names;
}

}  // namespace

const std::vector<PixelLoss>& pixel_losses() {
  static const std::vector<PixelLoss> losses = {
      {"l1", [](const at::Tensor& difference) { return difference.abs(); }},
      {"l2", [](const at::Tensor& difference) { return difference.square(); }},
  };
  return losses;
}

const std::vector<AdversarialLoss>& adversarial_losses() {
  static const std::vector<AdversarialLoss> losses = {
      {"hinge", [](const at::Tensor& real,
                   const at::Tensor& fake) { return 0.5 * (at::relu(1 - real).mean() + at::relu(1 + fake).mean()); }},
      {"vanilla",
       [](const at::Tensor& real, const at::Tensor& fake) {
         return 0.5 * (at::softplus(-real).mean() + at::softplus(fake).mean());
       }},
  };
  return losses;
}

const std::vector<DistanceLoss>& distance_losses() {
  static const std::vector<DistanceLoss> losses = {
      {"perceptual", &AutoencoderLossOptions::perceptual_weight,
       [](const LossParts& parts) { return parts.lpips.has_value(); },
       [](const LossParts& parts, const at::Tensor& image, const at::Tensor& reconstruction) {
         return (*parts.lpips)(image, reconstruction);
       }},
  };
  return losses;
}

const PixelLoss& find_pixel_loss(const std::string& name) { return find_loss(pixel_losses(), "pixel loss", name); }

const AdversarialLoss& find_adversarial_loss(const std::string& name) {
  return find_loss(adversarial_losses(), "disc_loss", name);
}

AutoencoderLossOptions AutoencoderLossOptions::from_json(const Json& json) {
  AutoencoderLossOptions options;
  options.pixel = find_pixel_loss(json.get_string("pixel", options.pixel.name));
  options.perceptual_weight = json.get_double("perceptual_weight", options.perceptual_weight);
  options.disc_weight = json.get_double("disc_weight", options.disc_weight);
  options.disc_factor = json.get_double("disc_factor", options.disc_factor);
  options.disc_start = json.get_int("disc_start", options.disc_start);
  options.disc_loss = find_adversarial_loss(json.get_string("disc_loss", options.disc_loss.name));
  options.logvar = json.get_double("logvar", json.get_double("logvar_init", options.logvar));
  return options;
}

AutoencoderLossOptions AutoencoderLossOptions::from_request(const Request& request) {
  AutoencoderLossOptions options;
  options.pixel = find_pixel_loss(request.at("pixel").as_string());
  options.perceptual_weight = request.at("perceptualWeight").as_double();
  options.disc_weight = request.at("discWeight").as_double();
  options.disc_factor = request.at("discFactor").as_double();
  options.disc_start = request.at("discStart").as_int();
  options.disc_loss = find_adversarial_loss(request.at("discLoss").as_string());
  options.logvar = request.at("logvar").as_double();
  return options;
}

Json autoencoder_loss_names() {
  return Json::object().set("pixel", list_of(pixel_losses())).set("discLoss", list_of(adversarial_losses()));
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
