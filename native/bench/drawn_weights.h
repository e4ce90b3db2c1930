// Random weights that two paths can both ask for by name.
#pragma once

#include <functional>

#include "core/rng.h"
#include "core/weights.h"

namespace svg {

/// What `build` asks for, drawn once; matrices in `dtype`.
inline Weights drawn_weights(at::ScalarType dtype, const std::function<void(const Weights&)>& build,
                             at::Device device = at::kCPU) {
  const auto source = std::make_shared<TrainableSource>(TensorMap{}, seeded_generator(0));
  build(Weights(source));
  TensorMap drawn;
  for (const auto& [name, value] : source->parameters()) drawn[name] = value.detach();
  return Weights(std::make_shared<MapSource>(drawn, "random weights", device, dtype));
}

}  // namespace svg
