// A diffusion transformer of a few thousand parameters with random weights.
#pragma once

#include "models/next_dit/next_dit.h"

namespace svg::test {

inline NextDitConfig tiny_config() {
  NextDitConfig config;
  config.in_channels = 8;
  config.dim = 48;
  config.layers = 2;
  config.refiner_layers = 1;
  config.heads = 4;
  config.kv_heads = 2;
  config.ffn_dim = 96;
  config.caption_dim = 24;
  config.axes_dims = {4, 4, 4};
  config.axes_lens = {64, 32, 32};
  return config;
}

inline std::unique_ptr<VelocityModel> tiny_built(const Weights& weights) {
  return std::make_unique<NextDit>(weights, tiny_config());
}

/// Every parameter of the model, none of them zero.
inline TensorMap tiny_weights(const NextDitConfig& config) {
  const auto source = std::make_shared<TrainableSource>(TensorMap{}, at::detail::createCPUGenerator(7));
  const NextDit model(Weights(source), config);
  at::Generator generator = at::detail::createCPUGenerator(8);
  TensorMap weights;
  for (const auto& [name, value] : source->parameters()) {
    const at::Tensor noise = at::randn(value.sizes(), generator, value.options().requires_grad(false));
    weights[name] = value.dim() == 1 ? value.detach() + 0.1 * noise : noise / std::sqrt(value.size(1));
  }
  return weights;
}

inline Weights tiny_source(const NextDitConfig& config, at::ScalarType dtype = at::kFloat) {
  return Weights(std::make_shared<MapSource>(tiny_weights(config), "tiny weights", at::kCPU, dtype));
}

inline NextDit tiny_model(const NextDitConfig& config, at::ScalarType dtype = at::kFloat) {
  return NextDit(tiny_source(config, dtype), config);
}

inline double largest_difference(const at::Tensor& left, const at::Tensor& right) {
  return (left - right).abs().max().item<double>();
}

}  // namespace svg::test
