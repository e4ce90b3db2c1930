#include "ops/verified_gradients.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "ops/verified.h"

namespace svg {
namespace {

// The first gradients of a new model are zeros, behind a last layer of zeros: any kernel has those.
constexpr Holding kHolding = {.fp32_bound = 1e-4, .zeros_tell = false};

}  // namespace

std::vector<at::Tensor> plain_gradients(const PlainOperation& plain, const std::vector<at::Tensor>& inputs,
                                        const at::Tensor& slopes) {
  const c10::AutoGradMode grad(true);  // backward passes run without
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& input : inputs) leaves.push_back(input.detach().requires_grad_(true));
  const at::Tensor result = plain(leaves);
  return torch::autograd::grad({result}, leaves, {slopes.to(result.scalar_type())});
}

std::vector<at::Tensor> verified_gradients(const std::string& signature, const Gradients& fast,
                                           const PlainOperation& plain, const std::vector<at::Tensor>& inputs,
                                           const at::Tensor& slopes) {
  return verified_all(
      signature, fast, [&] { return plain_gradients(plain, inputs, slopes); }, kHolding);
}

}  // namespace svg
