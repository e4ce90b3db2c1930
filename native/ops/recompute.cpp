#include "ops/recompute.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

namespace svg {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

using Body = std::function<at::Tensor(const variable_list&)>;

struct BodyHolder : torch::CustomClassHolder {
  explicit BodyHolder(Body body) : body(std::move(body)) {}
  Body body;
};

/// With a graph of their own.
variable_list detached(const variable_list& inputs) {
  variable_list copies;
  for (const at::Tensor& input : inputs) copies.push_back(input.detach().requires_grad_(input.requires_grad()));
  return copies;
}

struct Recompute : torch::autograd::Function<Recompute> {
  static at::Tensor forward(AutogradContext* context, const c10::intrusive_ptr<BodyHolder>& holder,
                            at::TensorList inputs) {
    context->saved_data["body"] = at::IValue::make_capsule(holder);
    context->save_for_backward(inputs.vec());
    // Operations that record have kernels of their own: what runs here is what the backward pass will run, to the bit.
    c10::AutoGradMode grad(true);
    return holder->body(detached(inputs.vec())).variable_data();
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list copies = detached(context->get_saved_variables());
    const auto capsule = context->saved_data["body"].toCapsule();
    {
      c10::AutoGradMode grad(true);
      const at::Tensor output = static_cast<BodyHolder&>(*capsule).body(copies);
      torch::autograd::backward({output}, {gradients[0]});
    }
    variable_list result = {at::Tensor()};  // the body has no gradient
    for (const at::Tensor& copy : copies) result.push_back(copy.grad());
    return result;
  }
};

}  // namespace

at::Tensor recomputed(Body body, const std::vector<at::Tensor>& inputs) {
  if (!c10::GradMode::is_enabled()) return body(inputs);
  std::vector<at::Tensor> recorded = inputs;
  const bool seen = std::any_of(inputs.begin(), inputs.end(), [](const at::Tensor& x) { return x.requires_grad(); });
  // Autograd goes by the inputs alone. Where what is trained is inside (adapters of a frozen model), one stands in.
  if (!seen) recorded[0] = inputs[0].detach().requires_grad_(true);
  return Recompute::apply(c10::make_intrusive<BodyHolder>(std::move(body)), at::TensorList(recorded));
}

}  // namespace svg
