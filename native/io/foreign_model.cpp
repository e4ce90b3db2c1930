#include "io/foreign_model.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "io/config_beside.h"
#include "io/quantised.h"
#include "io/text.h"

namespace svg {
namespace {

constexpr char kPlainHint[] =
    "Take the bf16 or fp32 weights that it was made from; `svg-t2i convert --quantize int8` makes int8 of them.";

class TensorNames {
 public:
  explicit TensorNames(const Checkpoint& checkpoint) : tensors_(checkpoint.tensors()) {}

  bool has(const std::string& name) const { return tensors_.count(name) != 0; }
  bool has_prefix(const std::string& prefix) const {
    const auto found = tensors_.lower_bound(prefix);
    return found != tensors_.end() && found->first.starts_with(prefix);
  }
  bool any_holds(std::string_view part) const {
    return std::any_of(tensors_.begin(), tensors_.end(),
                       [&](const auto& entry) { return entry.first.find(part) != std::string::npos; });
  }
  bool any_ends_with(std::string_view end) const {
    return std::any_of(tensors_.begin(), tensors_.end(), [&](const auto& entry) { return entry.first.ends_with(end); });
  }

 private:
  const std::map<std::string, TensorInfo>& tensors_;
};

// A text of the config.json beside the weights; empty where there is none that can be read.
std::string config_text(const Checkpoint& checkpoint, const char* key) {
  const Json config = config_beside(checkpoint.path());
  const Json* text = config.is_object() ? config.find(key) : nullptr;
  return text && text->is_string() ? printable(text->as_string()) : "";
}

std::optional<Identity> adapter(const TensorNames& names) {
  const bool peft = names.any_holds(".lora_A.") || names.any_holds(".lora_embedding_A");
  const bool other = names.any_ends_with(".lora_down.weight") || names.any_ends_with(".hada_w1_a") ||
                     names.any_ends_with(".lokr_w1") || names.any_ends_with(".lora_A");
  if (!peft && !other) return std::nullopt;
  return Identity{
      "adapter",
      peft ? "a LoRA adapter of peft, which is no model by itself" : "a LoRA adapter, which is no model by itself",
      "Merge it into its model (peft: model.merge_and_unload()) and save that model's state dict."};
}

std::optional<Identity> quantized(const Checkpoint& checkpoint, const TensorNames& names) {
  std::string mark;
  try {
    mark = find_quantisation(checkpoint);
  } catch (const Error& error) {  // of the layout that is read
    if (error.code() != ErrorCode::kFileFormat) throw;
    return Identity{"quantized", "int8 weights that are damaged", error.what()};
  }
  if (mark.empty()) return std::nullopt;
  const std::string where = concat(" (\"", printable(mark), "\")");
  if (names.has("scaled_fp8") || names.any_ends_with(".scale_weight")) {
    return Identity{"quantized", "8-bit floats with scales beside them (scaled fp8)" + where, kPlainHint};
  }
  struct Scheme {
    const char* part;
    const char* what;
  };
  constexpr Scheme kSchemes[] = {{".weight_packed", "packed weights of compressed-tensors"},
                                 {".weight_scale", "quantised weights with scales (compressed-tensors or fp8)"},
                                 {".qweight", "quantised weights of GPTQ or AWQ"},
                                 {".quant_state.", "quantised weights of bitsandbytes"},
                                 {".SCB", "8-bit weights of bitsandbytes"}};
  for (const Scheme& scheme : kSchemes) {
    if (names.any_holds(scheme.part)) return Identity{"quantized", scheme.what + where, kPlainHint};
  }
  return Identity{"quantized", "quantised weights" + where, kPlainHint};
}

std::optional<Identity> diffusers(const Checkpoint& checkpoint, const TensorNames& names) {
  const std::string written = config_text(checkpoint, "_class_name");
  const bool lumina = names.has_prefix("time_caption_embed.") && names.has("layers.0.attn.to_q.weight");
  // Representation autoencoders are read in the form of diffusers too.
  if (!lumina && (written.empty() || written == "AutoencoderRAE")) return std::nullopt;
  const std::string hint =
      lumina ? "Its layers are named otherwise, and Lumina-Image 2.0 draws the latents of another autoencoder. Use a "
               "transformer of SVG-T2I in the original's form, such as dit-*/consolidated_ema.00-of-01.pth."
             : "Models of diffusers are not read: use the files in the original's form.";
  return Identity{"diffusers", "a " + (lumina ? "Lumina2Transformer2DModel" : written) + " of diffusers", hint};
}

std::optional<Identity> timm(const TensorNames& names) {
  const bool dinov3 = names.has("patch_embed.proj.weight") && names.has("reg_token") && names.has("blocks.0.gamma_1");
  if (!dinov3) return std::nullopt;
  return Identity{
      "timm", "a DINOv3 with the names of timm",
      "Take the same model from facebookresearch/dinov3 (.pth) or its Hugging Face folder facebook/dinov3-*."};
}

}  // namespace

std::optional<Identity> identify_foreign(const Checkpoint& checkpoint) {
  const TensorNames names(checkpoint);
  if (checkpoint.metadata().find("DCP_SHARDING_INFO")) {
    return Identity{"distributed-piece", "a piece of a distributed checkpoint (torch.distributed.checkpoint)",
                    "Join its pieces with torch.distributed.checkpoint's consolidate_safetensors_files()."};
  }
  if (std::optional<Identity> found = adapter(names)) return found;
  if (std::optional<Identity> found = quantized(checkpoint, names)) return found;
  if (std::optional<Identity> found = diffusers(checkpoint, names)) return found;
  return timm(names);
}

}  // namespace svg
