#include "io/quantised.h"

#include <set>

#include "core/error.h"
#include "io/compressed_tensors.h"
#include "io/int8_layout.h"
#include "io/text.h"

namespace svg {
namespace {

// Of the last part of a name, as compressed-tensors, GPTQ, AWQ, bitsandbytes, torchao, TensorRT's ModelOpt and the
// scaled fp8 files of ComfyUI and kohya write them.
const std::set<std::string, std::less<>> kMarks = {"scale",
                                                   "scales",
                                                   "scale_weight",
                                                   "weight_scale",
                                                   "weight_scale_inv",
                                                   "weight_scale_2",
                                                   "scale_inv",
                                                   "input_scale",
                                                   "scale_input",
                                                   "activation_scale",
                                                   "output_scale",
                                                   "k_scale",
                                                   "v_scale",
                                                   "q_scale",
                                                   "zero_point",
                                                   "zero_points",
                                                   "weight_zero_point",
                                                   "input_zero_point",
                                                   "qweight",
                                                   "qzeros",
                                                   "g_idx",
                                                   "weight_packed",
                                                   "weight_shape",
                                                   "weight_g_idx",
                                                   "absmax",
                                                   "quant_map",
                                                   "nested_absmax",
                                                   "nested_quant_map",
                                                   "SCB",
                                                   "weight_format",
                                                   "scaled_fp8",
                                                   "comfy_quant",
                                                   "weight_int8",
                                                   "_amax",
                                                   "_pre_quant_scale"};

bool is_mark(const std::string& name) {
  const size_t dot = name.rfind('.');
  const std::string last = dot == std::string::npos ? name : name.substr(dot + 1);
  if (name.ends_with("scaling_layer.scale")) return false;  // LPIPS
  return kMarks.count(last) != 0 || name.find(".quant_state.") != std::string::npos;
}

constexpr const char* kHint =
    "Quantised weights are read as int8 with a scale an output alone. Take the model in fp32, bf16 or fp16 (fp8 "
    "without scales is read too); `svg-t2i convert --quantize int8` makes int8 of it.";

/// A Lightning checkpoint of an autoencoder carries its losses, whose layers may hold scales of their own.
bool is_loss(const std::string& name) { return name.rfind("loss.", 0) == 0; }

}  // namespace

std::string find_quantisation(const Checkpoint& checkpoint) {
  const std::optional<Int8Layout> int8 = find_int8_layout(checkpoint);
  for (const auto& entry : checkpoint.tensors()) {
    if (int8 && int8->is_scale(entry.first)) continue;
    if (!is_loss(entry.first) && is_mark(entry.first)) return entry.first;
  }
  return "";
}

void refuse_quantised(const Checkpoint& checkpoint) {
  if (const std::string mark = find_quantisation(checkpoint); !mark.empty()) {
    throw Error(ErrorCode::kWeightsMismatch,
                concat(checkpoint.path(), " holds quantised weights: \"", printable(mark), "\" belongs to them"),
                kHint);
  }
  const std::optional<Int8Layout> int8 = find_int8_layout(checkpoint);
  for (const auto& [name, info] : checkpoint.tensors()) {
    if (int8 && int8->holds(name)) continue;
    // What is only listed has no element type here; who needs it is told which it is.
    if (is_loss(name) || !info.listed.empty()) continue;
    if (info.dtype != at::kChar && info.dtype != at::kByte) continue;
    throw Error(ErrorCode::kWeightsMismatch,
                concat(checkpoint.path(), " holds quantised weights: \"", printable(name), "\" is ", info.type_name()),
                kHint);
  }
}

void refuse_quantised(const Json& config, const std::string& path) {
  const Json* found = config.is_object() ? config.find("quantization_config") : nullptr;
  if (!found || is_compressed_int8(config)) return;
  const Json* method = found->is_object() ? found->find("quant_method") : nullptr;
  const std::string name = method && method->is_string() ? " (" + printable(method->as_string()) + ")" : "";
  throw Error(ErrorCode::kWeightsMismatch,
              concat(path, ": \"quantization_config\"", name, ": the weights are quantised"), kHint);
}

}  // namespace svg
