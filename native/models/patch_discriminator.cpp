#include "models/patch_discriminator.h"

#include "core/error.h"

namespace svg {
namespace {

constexpr int64_t kKernel = 4;
constexpr double kSlope = 0.2, kMomentum = 0.1, kBatchNormEps = 1e-5;
constexpr int64_t kMaxWidth = 8;  // times ndf

std::string main_layer(int64_t index) { return "main." + std::to_string(index); }

}  // namespace

PatchDiscriminatorConfig PatchDiscriminatorConfig::infer(const Weights& weights) {
  const auto first = weights.shape_of("main.0.weight");
  SVG_CHECK(first && first->size() == 4, ErrorCode::kWeightsMismatch, weights.description(),
            " holds no discriminator: \"main.0.weight\" is missing");
  PatchDiscriminatorConfig config;
  config.ndf = first->at(0);
  // Blocks of conv, norm, activation follow at 2, 5, 8, ...: n_layers of them, and then a lone convolution.
  int64_t normed = 0;
  while (weights.has(main_layer(2 + 3 * normed + 1) + ".weight")) ++normed;
  config.n_layers = normed;
  return config;
}

PatchDiscriminator::PatchDiscriminator(const Weights& weights, const PatchDiscriminatorConfig& config) {
  SVG_CHECK(config.ndf > 0 && config.n_layers > 0, ErrorCode::kInvalidConfig, "[patch_discriminator] ndf ", config.ndf,
            ", n_layers ", config.n_layers);
  const auto conv = [&](int64_t index, int64_t in, int64_t out, int64_t stride, bool with_bias) {
    const Weights from = weights.scope(main_layer(index));
    Conv2d layer;
    layer.weight = from.get("weight", {out, in, kKernel, kKernel}, Init::normal(0.02));
    if (with_bias) layer.bias = from.get("bias", {out}, Init::zeros());
    layer.stride = stride;
    layer.padding = 1;
    return layer;
  };
  layers_.push_back({0, conv(0, 3, config.ndf, 2, true), {}, {}, {}, {}});
  int64_t in = config.ndf, index = 2;
  for (int64_t n = 1; n <= config.n_layers; ++n, index += 3) {
    const int64_t out = config.ndf * std::min(int64_t{1} << n, kMaxWidth);
    Layer layer{index, conv(index, in, out, n < config.n_layers ? 2 : 1, false), {}, {}, {}, {}};
    const Weights norm = weights.scope(main_layer(index + 1));
    layer.norm_weight = norm.get("weight", {out}, Init::ones(), Role::kExact);
    layer.norm_bias = norm.get("bias", {out}, Init::zeros(), Role::kExact);
    layer.running_mean = norm.get_optional("running_mean", {out}, Init::zeros(), Role::kBuffer);
    layer.running_var = norm.get_optional("running_var", {out}, Init::ones(), Role::kBuffer);
    if (!layer.running_mean.defined()) layer.running_mean = at::zeros_like(layer.norm_bias).detach();
    if (!layer.running_var.defined()) layer.running_var = at::ones_like(layer.norm_weight).detach();
    layers_.push_back(layer);
    in = out;
  }
  layers_.push_back({index, conv(index, in, 1, 1, true), {}, {}, {}, {}});
}

at::Tensor PatchDiscriminator::operator()(const at::Tensor& image, bool training) const {
  at::Tensor x = image;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    x = layer.conv(x);
    if (layer.norm_weight.defined()) {
      x = at::batch_norm(x, layer.norm_weight, layer.norm_bias, layer.running_mean, layer.running_var, training,
                         kMomentum, kBatchNormEps, /*cudnn_enabled=*/true);
    }
    if (i + 1 < layers_.size()) x = at::leaky_relu(x, kSlope);
  }
  return x;
}

TensorMap PatchDiscriminator::running_statistics() const {
  TensorMap statistics;
  for (const Layer& layer : layers_) {
    if (!layer.norm_weight.defined()) continue;
    statistics[main_layer(layer.index + 1) + ".running_mean"] = layer.running_mean;
    statistics[main_layer(layer.index + 1) + ".running_var"] = layer.running_var;
  }
  return statistics;
}

}  // namespace svg
