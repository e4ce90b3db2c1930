// What an engine holds between jobs. Touched by the engine's thread only.
#pragma once

#include <ATen/ATen.h>

namespace svg {

struct EngineState {
  at::Device device = at::kCPU;
};

}  // namespace svg
