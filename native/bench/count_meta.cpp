#include "bench/count_meta.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ops/counted.h"

namespace svg {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kBackwardKernels = 3;

thread_local MetaKernels::Tell told;

/// Takes the operation's arguments off the stack and puts its results there. Boxed, because arguments were added from
/// one libtorch to the next.
template <typename Shape>
void answer(const c10::OperatorHandle& operation, torch::jit::Stack* stack, const Shape& shape) {
  const size_t count = operation.schema().arguments().size();
  const std::vector<c10::IValue> inputs(stack->end() - static_cast<int64_t>(count), stack->end());
  stack->resize(stack->size() - count);
  for (const at::Tensor& result : shape(inputs)) stack->emplace_back(result);
}

void flash_forward(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  answer(operation, stack, [](const std::vector<c10::IValue>& inputs) -> variable_list {
    const at::Tensor& q = inputs[0].toTensor();
    const at::Tensor sums = at::empty({q.size(1), q.size(0)}, q.options().dtype(at::kFloat));
    const at::Tensor state = at::empty({2}, q.options().dtype(at::kLong));
    return {at::empty(q.sizes(), q.options()), sums, state, state, at::empty({0}, q.options())};
  });
}

void flash_backward(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  answer(operation, stack, [](const std::vector<c10::IValue>& inputs) -> variable_list {
    variable_list gradients;
    for (size_t i = 1; i <= 3; ++i) {
      gradients.push_back(at::empty(inputs[i].toTensor().sizes(), inputs[i].toTensor().options()));
    }
    return gradients;
  });
}

void layer_norm_forward(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  answer(operation, stack, [](const std::vector<c10::IValue>& inputs) -> variable_list {
    const at::Tensor& x = inputs[0].toTensor();
    std::vector<int64_t> rows = x.sizes().vec();
    const size_t normed = inputs[1].toIntVector().size();
    std::fill(rows.end() - static_cast<int64_t>(normed), rows.end(), 1);
    const at::Tensor moments = at::empty(rows, x.options().dtype(at::kFloat));
    return {at::empty(x.sizes(), x.options()), moments, moments};
  });
}

void layer_norm_backward(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  answer(operation, stack, [](const std::vector<c10::IValue>& inputs) -> variable_list {
    const auto like = [](const at::Tensor& x) { return x.defined() ? at::empty(x.sizes(), x.options()) : x; };
    variable_list gradients;
    for (const size_t i : {1, 5, 6}) {
      gradients.push_back(inputs[i].isTensor() ? like(inputs[i].toTensor()) : at::Tensor());
    }
    return gradients;
  });
}

void rows_selected(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  answer(operation, stack, [](const std::vector<c10::IValue>& inputs) -> variable_list {
    const at::Tensor& x = inputs[0].toTensor();
    std::vector<int64_t> sizes = x.sizes().vec();
    const int64_t dim = inputs[1].toInt() < 0 ? inputs[1].toInt() + x.dim() : inputs[1].toInt();
    sizes[static_cast<size_t>(dim)] = inputs[2].toTensor().numel();
    return {at::empty(sizes, x.options())};
  });
}

void complex_numbers(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  answer(operation, stack, [](const std::vector<c10::IValue>& inputs) -> variable_list {
    const at::Tensor& x = inputs[0].toTensor();
    return {at::empty(x.sizes(), x.options().dtype(at::toComplexType(x.scalar_type())))};
  });
}

void one_like_the_first(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  answer(operation, stack, [](const std::vector<c10::IValue>& inputs) -> variable_list {
    const at::Tensor& x = inputs[0].toTensor();
    return {at::empty(x.sizes(), x.options())};
  });
}

void nothing(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  answer(operation, stack, [](const std::vector<c10::IValue>&) { return variable_list{}; });
}

at::Tensor& copy(at::Tensor& self, const at::Tensor& /*source*/, bool /*non_blocking*/) {
  return self.is_meta() ? self : self.fill_(1);
}

at::Scalar one(const at::Tensor& self) { return at::ones({}, at::device(at::kCPU).dtype(self.scalar_type())).item(); }

/// (B, heads, queries, D) as the GPU's kernels leave it: heads of a row lie beside each other.
at::Tensor attended(const at::Tensor& q, const at::Tensor& v) {
  return at::empty({q.size(0), q.size(2), q.size(1), v.size(3)}, q.options()).transpose(1, 2);
}

struct WholeAttention : torch::autograd::Function<WholeAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    context->save_for_backward({q, k, v});
    return attended(q, v);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    variable_list result;
    OpCount count{LaunchKind::kAttention, kBackwardKernels, 0, bytes_of(gradients[0])};
    count.flops = 2 * attention_flops("aten::scaled_dot_product_attention", {saved[0], saved[1]});
    for (const at::Tensor& input : saved) {
      count.bytes += 2 * bytes_of(input);
      result.push_back(at::empty(input.sizes(), input.options()));
    }
    told(kAttentionBackward, count);
    return result;
  }
};

at::Tensor whole_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const std::optional<at::Tensor>& /*mask*/, double /*dropout*/, bool /*causal*/,
                           std::optional<double> /*scale*/, bool /*enable_gqa*/) {
  return WholeAttention::apply(q, k, v);
}

template <auto body>
torch::CppFunction boxed() {
  return torch::CppFunction::makeFromBoxedFunction<body>();
}

}  // namespace

MetaKernels::MetaKernels(Tell tell)
    : below_autograd_(torch::Library::IMPL, "aten", c10::DispatchKey::Meta, __FILE__, __LINE__),
      autograd_(torch::Library::IMPL, "aten", c10::DispatchKey::AutogradMeta, __FILE__, __LINE__) {
  told = std::move(tell);
  below_autograd_.impl("_flash_attention_forward", boxed<&flash_forward>());
  below_autograd_.impl("_flash_attention_backward", boxed<&flash_backward>());
  below_autograd_.impl("native_layer_norm", boxed<&layer_norm_forward>());
  below_autograd_.impl("native_layer_norm_backward", boxed<&layer_norm_backward>());
  below_autograd_.impl("index_select", boxed<&rows_selected>());
  below_autograd_.impl("abs", boxed<&one_like_the_first>());
  below_autograd_.impl("complex", boxed<&complex_numbers>());
  below_autograd_.impl("_fused_adamw_", boxed<&nothing>());
  below_autograd_.impl("copy_", TORCH_FN(copy));
  below_autograd_.impl("_local_scalar_dense", TORCH_FN(one));
  below_autograd_.impl("scaled_dot_product_attention", TORCH_FN(whole_attention));
  autograd_.impl("scaled_dot_product_attention", TORCH_FN(whole_attention));
}

MetaKernels::~MetaKernels() { told = nullptr; }

}  // namespace svg
