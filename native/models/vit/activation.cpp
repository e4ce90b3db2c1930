#include "models/vit/activation.h"

#include <map>

#include "core/error.h"

namespace svg {

at::Tensor activated(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kGelu: return at::gelu(x);
    case Activation::kGeluTanh: return at::gelu(x, "tanh");
    case Activation::kRelu: return at::relu(x);
    case Activation::kSilu: return at::silu(x);
  }
  return x;
}

Activation parse_activation(const std::string& name, const std::string& model) {
  static const std::map<std::string, Activation> known = {
      {"gelu", Activation::kGelu},         {"gelu_pytorch_tanh", Activation::kGeluTanh},
      {"gelu_new", Activation::kGeluTanh}, {"relu", Activation::kRelu},
      {"silu", Activation::kSilu},         {"swish", Activation::kSilu},
  };
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  throw Error(ErrorCode::kInvalidConfig, "[" + model + "] config.json: hidden_act \"" + name + "\" is not supported",
              "Supported: gelu, gelu_pytorch_tanh, relu, silu.");
}

}  // namespace svg
