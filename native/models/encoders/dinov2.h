// DINOv2, with and without registers, as a frozen encoder. Sources: arXiv 2304.07193, arXiv 2309.16588 (registers),
// facebookresearch/dinov2.
//
// Read under the names of facebookresearch's files (blocks.N.attn.qkv, mlp.w12), of Hugging Face's files
// (encoder.layer.N.attention.attention.query) and of transformers 5 in memory (encoder.layer.N.attention.q_proj, and
// mlp.gate_proj apart from mlp.up_proj), the latter two also below "dinov2." or "dinov2_with_registers.".
#pragma once

#include "models/vit/kind.h"

namespace svg::dinov2 {

/// Whether the names are those of a DINOv2.
bool recognise(const Weights& weights);

/// {"arch": preset}, or the keys of vit_from_json() with num_register_tokens, layerscale_value, and ffn_layer ("mlp",
/// "swiglu", "swiglufused") or use_swiglu_ffn; interpolate_antialias and interpolate_offset, of the public constructor.
/// Throws Error(kInvalidConfig).
VitConfig from_json(const Json& json);
/// From names and shapes, and the config.json beside weights under Hugging Face's names, null where there is none.
/// Throws Error(kWeightsMismatch), Error(kInvalidConfig) for what this model does not do.
VitConfig infer(const Weights& weights, const Json& model_config = {}, int64_t heads = 0);

/// What files hold beside the encoder, by name.
bool is_spare(const std::string& name);

/// Where the configuration does not say how, positions are resized as the code that wrote the names does: with
/// registers antialiased; without, by facebookresearch's offset of 0.1, or under Hugging Face's names without one.
std::unique_ptr<Vit> build(const Weights& weights, const VitConfig& config);

/// The catalogue's entry.
EncoderKind kind();

}  // namespace svg::dinov2
