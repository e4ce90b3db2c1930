// Activations of vision transformers' feed-forward layers, under the names that configurations give them.
#pragma once

#include <ATen/ATen.h>

#include <string>

namespace svg {

enum class Activation { kGelu, kGeluTanh, kRelu, kSilu };

at::Tensor activated(const at::Tensor& x, Activation activation);

/// "gelu", "gelu_pytorch_tanh", "gelu_new", "relu", "silu" or "swish", as transformers names them. Throws
/// Error(kInvalidConfig) for others; `model` is for the message.
Activation parse_activation(const std::string& name, const std::string& model);

}  // namespace svg
