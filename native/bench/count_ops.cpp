#include "bench/count_ops.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <set>

namespace svg {
namespace {

constexpr int64_t kAttentionBackwardKernels = 3;  // the rows' sums, the gradients, and those of q to their dtype
constexpr int64_t kGroupSums = 2;                 // gradients of keys and values that several heads share

double real(int64_t value) { return static_cast<double>(value); }

bool is_foreach(const std::string& operation) { return operation.rfind("aten::_foreach_", 0) == 0; }

bool is_fused_step(const std::string& operation) { return operation.rfind("aten::_fused_adamw_", 0) == 0; }

/// Kernels over many tensors at once: each takes a limited number of tensors and of pieces of 65536 elements.
/// Source: pytorch, ATen/native/cuda/MultiTensorApply.cuh.
int64_t multi_tensor_launches(const std::vector<at::Tensor>& tensors, size_t lists) {
  constexpr std::array<size_t, 5> kMostTensors = {110, 64, 48, 36, 30};
  constexpr int64_t kPiece = 65536, kMostPieces = 320;
  const size_t most_tensors = kMostTensors[std::clamp<size_t>(lists, 1, kMostTensors.size()) - 1];
  int64_t launches = 0, pieces = 0;
  size_t held = 0;
  for (const at::Tensor& tensor : tensors) {
    if (tensor.numel() == 0) continue;
    ++held;
    for (int64_t left = (tensor.numel() + kPiece - 1) / kPiece; left > 0;) {
      const int64_t some = std::min(left, kMostPieces - pieces);
      left -= some;
      pieces += some;
      if (pieces < kMostPieces && (left > 0 || held < most_tensors)) continue;
      ++launches;
      pieces = 0;
      held = left > 0 ? 1 : 0;
    }
  }
  return launches + (pieces > 0 ? 1 : 0);
}

int64_t lists_of(const std::vector<c10::IValue>& inputs) {
  return std::count_if(inputs.begin(), inputs.end(), [](const c10::IValue& input) { return input.isTensorList(); });
}

/// Sum over the segments of queries times keys, from bounds on the host.
double segment_pairs(const at::Tensor& queries, const at::Tensor& keys) {
  const at::Tensor pairs = queries.to(at::kLong).diff() * keys.to(at::kLong).diff();
  return real(pairs.sum().item<int64_t>());
}

}  // namespace

const char* name_of(LaunchKind kind) {
  switch (kind) {
    case LaunchKind::kProduct: return "product";
    case LaunchKind::kAttention: return "attention";
    case LaunchKind::kPass: return "pass";
    case LaunchKind::kUpload: return "upload";
    case LaunchKind::kHostRead: return "host read";
  }
  return "pass";
}

OpCounts difference_of(OpCounts whole, const OpCounts& part) {
  for (const auto& [name, one] : part) {
    OpCount& left = whole[name];
    left.kind = one.kind;
    left.launches -= one.launches;
    left.flops -= one.flops;
    left.bytes -= one.bytes;
  }
  std::erase_if(whole, [](const auto& entry) { return entry.second.launches == 0; });
  return whole;
}

std::vector<at::Tensor> tensors_in(const c10::IValue& value) {
  if (value.isTensor()) return {value.toTensor()};
  std::vector<at::Tensor> tensors;
  if (!value.isList()) return tensors;
  for (const c10::IValue& item : value.toListRef()) {
    if (item.isTensor()) tensors.push_back(item.toTensor());
  }
  return tensors;
}

bool launches_nothing(const c10::FunctionSchema& schema) {
  static const std::set<std::string> kBookkeeping = {"aten::detach_",
                                                     "aten::requires_grad_",
                                                     "aten::set_",
                                                     "aten::resize_",
                                                     "aten::rename_",
                                                     "aten::_backward",
                                                     "aten::set_data",
                                                     "aten::retain_grad",
                                                     "aten::as_strided_",
                                                     "aten::t_",
                                                     "aten::unsqueeze_",
                                                     "aten::squeeze_",
                                                     "aten::transpose_",
                                                     "aten::_assert_tensor_metadata",
                                                     "aten::_fused_sdp_choice",
                                                     "aten::_unsafe_view"};
  const std::string& name = schema.name();
  if (kBookkeeping.count(name)) return true;
  if (name.rfind("aten::empty", 0) == 0 || name.rfind("aten::new_empty", 0) == 0) return true;
  const auto written = [](const c10::Argument& argument) {
    return argument.alias_info() != nullptr && argument.alias_info()->isWrite();
  };
  const auto& arguments = schema.arguments();
  if (std::any_of(arguments.begin(), arguments.end(), written)) return false;
  const auto& returns = schema.returns();
  const auto is_new = [](const c10::Argument& result) {
    const std::string type = result.type()->str();
    return result.alias_info() == nullptr && type.find("Tensor") != std::string::npos;
  };
  return std::none_of(returns.begin(), returns.end(), is_new) && name != "aten::_local_scalar_dense";
}

bool is_whole(const std::string& operation) {
  static const std::set<std::string> kWhole = {"aten::scaled_dot_product_attention", "aten::_flash_attention_forward",
                                               "aten::_flash_attention_backward",    "aten::native_layer_norm",
                                               "aten::native_layer_norm_backward",   "aten::copy_"};
  return kWhole.count(operation) || is_foreach(operation) || is_fused_step(operation);
}

bool overwrites(const std::string& operation) {
  static const std::set<std::string> kOverwrite = {"aten::copy_",         "aten::fill_",    "aten::zero_",
                                                   "aten::normal_",       "aten::uniform_", "aten::_foreach_zero_",
                                                   "aten::_foreach_copy_"};
  return kOverwrite.count(operation) || operation.ends_with("_out");
}

bool gathers(const std::string& operation) {
  static const std::set<std::string> kGather = {"aten::index_select", "aten::embedding", "aten::gather", "aten::index"};
  return kGather.count(operation) > 0;
}

int64_t launches_of(const std::string& operation, const std::vector<c10::IValue>& inputs) {
  if (operation == "aten::_flash_attention_backward") {
    const bool shared = inputs[1].toTensor().size(1) != inputs[2].toTensor().size(1);
    return kAttentionBackwardKernels + (shared ? kGroupSums : 0);
  }
  if (is_foreach(operation) || is_fused_step(operation)) {
    const int64_t several = multi_tensor_launches(tensors_in(inputs[0]), static_cast<size_t>(lists_of(inputs)));
    return operation == "aten::_foreach_norm" ? several + 1 : several;  // sums of the pieces come last
  }
  return 1;
}

double product_flops(const std::string& operation, const std::vector<c10::IValue>& inputs) {
  // (m, k) x (k, n), where the sum is the first input of those that add
  const bool added = operation == "aten::addmm" || operation == "aten::baddbmm" || operation == "aten::addmm_";
  const bool plain = operation == "aten::mm" || operation == "aten::bmm";
  if (!added && !plain) return 0;
  const at::Tensor& left = inputs[added ? 1 : 0].toTensor();
  const at::Tensor& right = inputs[added ? 2 : 1].toTensor();
  return 2 * real(left.numel()) * real(right.size(-1));
}

double attention_flops(const std::string& operation, const std::vector<c10::IValue>& inputs) {
  constexpr double kForward = 4, kBackward = 8;  // a channel of a query and a key
  if (operation == "aten::_flash_attention_forward") {
    const at::Tensor& q = inputs[0].toTensor();
    return kForward * segment_pairs(inputs[3].toTensor(), inputs[4].toTensor()) * real(q.size(1) * q.size(2));
  }
  if (operation == "aten::_flash_attention_backward") {
    const at::Tensor& q = inputs[1].toTensor();
    return kBackward * segment_pairs(inputs[6].toTensor(), inputs[7].toTensor()) * real(q.size(1) * q.size(2));
  }
  if (operation == "aten::scaled_dot_product_attention") {
    return kForward * real(inputs[0].toTensor().numel()) * real(inputs[1].toTensor().size(-2));
  }
  return 0;
}

}  // namespace svg
