#include "models/inception/folded_conv.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>

#include "core/error.h"

namespace svg {
namespace {

constexpr double kInceptionNormEps = 1e-3;

bool has_known_arguments(const c10::FunctionSchema& schema) {
  const std::vector<std::string> known = {"X",        "W",      "B",    "padding", "stride",
                                          "dilation", "groups", "attr", "scalars", "algorithm"};
  const auto& arguments = schema.arguments();
  return schema.returns().size() == 1 &&
         std::equal(arguments.begin(), arguments.end(), known.begin(), known.end(),
                    [](const c10::Argument& argument, const std::string& name) { return argument.name() == name; });
}

/// oneDNN's convolution with what follows it in one pass, over a weight that lies as it wants it; libtorch's compiler
/// calls it, ATen has no function for it.
const std::optional<c10::OperatorHandle>& fused_convolution() {
  static const std::optional<c10::OperatorHandle> found = [] {
    std::optional<c10::OperatorHandle> handle;
    if (at::globalContext().hasMKLDNN()) {
      handle = c10::Dispatcher::singleton().findSchema({"mkldnn::_convolution_pointwise", ""});
    }
    // It is no public function: with arguments that are not known it is left alone.
    if (handle && !has_known_arguments(handle->schema())) handle.reset();
    return handle;
  }();
  return found;
}

at::Tensor run_fused(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                     const std::vector<int64_t>& stride, const std::vector<int64_t>& padding, bool with_relu) {
  torch::jit::Stack stack = {x,
                             weight,
                             bias,
                             padding,
                             stride,
                             std::vector<int64_t>{1, 1},
                             int64_t{1},
                             with_relu ? "relu" : "none",
                             c10::List<std::optional<at::Scalar>>(),
                             c10::IValue()};
  fused_convolution()->callBoxed(&stack);
  return std::move(stack.front()).toTensor();
}

}  // namespace

FoldedConv::FoldedConv(const Weights& weights, int64_t in, const ConvShape& shape) {
  const Weights norm = weights.scope("bn");
  const auto of_norm = [&](const char* name, Init init) {
    return norm.get(name, {shape.out}, init, Role::kBuffer).to(at::kDouble);
  };
  const at::Tensor kernel =
      weights.get("conv.weight", {shape.out, in, shape.rows, shape.columns}, Init::kaiming_uniform()).to(at::kDouble);
  const at::Tensor gamma = of_norm("weight", Init::ones()), beta = of_norm("bias", Init::zeros());
  const at::Tensor mean = of_norm("running_mean", Init::zeros()), variance = of_norm("running_var", Init::ones());
  const at::Tensor scale = gamma / (variance + kInceptionNormEps).sqrt();
  weight_ = (kernel * scale.view({-1, 1, 1, 1})).to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
  bias_ = (beta - mean * scale).to(at::kFloat);
  const bool same = shape.padded && shape.stride == 1;
  stride_ = {shape.stride, shape.stride};
  padding_ = {same ? shape.rows / 2 : 0, same ? shape.columns / 2 : 0};
  if (!weight_.is_cpu() || !fused_convolution()) return;
  weight_ = at::mkldnn_reorder_conv2d_weight(weight_.to_mkldnn(), padding_, stride_);
}

at::Tensor FoldedConv::run(const at::Tensor& x, bool with_relu) const {
  if (weight_.is_mkldnn()) return run_fused(x, weight_, bias_, stride_, padding_, with_relu);
  at::Tensor y = at::conv2d(x, weight_, bias_, stride_, padding_);
  return with_relu ? at::relu_(y) : y;
}

}  // namespace svg
