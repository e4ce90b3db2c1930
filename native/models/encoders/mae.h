// The encoder of a masked autoencoder (ViT-B/16, L/16, H/14) as a frozen encoder, without masking. Source: arXiv
// 2111.06377, facebookresearch/mae.
//
// Read under the names of facebookresearch's files (blocks.N.attn.qkv) and of transformers' ViTMAE
// (encoder.layer.N.attention.attention.query, or layers.N.attention.q_proj in memory of transformers 5, with or without
// "vit." before them). The decoder beside it and the heads of fine-tuned files are left alone.
#pragma once

#include "models/vit/kind.h"

namespace svg::mae {

/// Whether the names are those of a plain ViT with a class token and added positions.
bool recognise(const Weights& weights);

/// {"arch": "mae_vit_base_patch16", "mae_vit_large_patch16" or "mae_vit_huge_patch14"}, or the keys of
/// vit_from_json(). Throws Error(kInvalidConfig).
VitConfig from_json(const Json& json);
/// From names and shapes, and the config.json beside weights under transformers' names, null where there is none.
/// Throws Error(kWeightsMismatch).
VitConfig infer(const Weights& weights, const Json& model_config = {}, int64_t heads = 0);

/// What files hold beside the encoder, by name.
bool is_spare(const std::string& name);

/// The fixed positions: they go into fresh weights, from which the size of the pictures can then be told.
TensorMap buffers(const VitConfig& config);

std::unique_ptr<Vit> build(const Weights& weights, const VitConfig& config);

/// The catalogue's entry.
EncoderKind kind();

}  // namespace svg::mae
