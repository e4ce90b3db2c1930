// The backward pass of a fused operation earns its trust as its forward pass does: against autograd's.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

namespace svg {

/// Gradients of the inputs, one each.
using Gradients = std::function<std::vector<at::Tensor>()>;
/// An operation in ATen's own ones, of the same inputs.
using PlainOperation = std::function<at::Tensor(const std::vector<at::Tensor>& inputs)>;

/// Those that autograd finds through `plain` where the result's gradient is `slopes`. Computed apart from the graph
/// that `inputs` are in; a result of another dtype takes the slopes in its own.
std::vector<at::Tensor> plain_gradients(const PlainOperation& plain, const std::vector<at::Tensor>& inputs,
                                        const at::Tensor& slopes);

/// As verified_all() (ops/verified.h): `fast`, the first time for a `signature` held against plain_gradients(), which
/// stand in for it from a mismatch on. In fp32 1e-4 of the result is right: sums over all rows end in any order. Where
/// all of a gradient are zeros, the next ones are held as well.
std::vector<at::Tensor> verified_gradients(const std::string& signature, const Gradients& fast,
                                           const PlainOperation& plain, const std::vector<at::Tensor>& inputs,
                                           const at::Tensor& slopes);

}  // namespace svg
