// Activation checkpointing: a part of a model keeps its inputs alone and runs again in the backward pass.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <vector>

namespace svg {

/// body(inputs), without keeping what is computed inside. Gradients reach the inputs and the parameters that `body`
/// captured. The body must give the same result each time. Without autograd it is a plain call.
/// Source: arXiv 1604.06174.
at::Tensor recomputed(std::function<at::Tensor(const std::vector<at::Tensor>&)> body,
                      const std::vector<at::Tensor>& inputs);

}  // namespace svg
