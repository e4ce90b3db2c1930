#include "models/encoders/dinov3.h"

#include <cmath>

#include "core/error.h"
#include "models/encoders/dinov3_names.h"
#include "models/encoders/picture.h"
#include "ops/rotate_halves.h"

namespace svg {
namespace {

constexpr double kTwoPi = 6.283185307179586;

/// Published files hold the periods rounded to bf16, and the networks were trained with those.
at::Tensor published_periods(int64_t head_dim, double base) {
  const at::Tensor exponent = at::arange(head_dim / 4, at::kFloat) / static_cast<double>(head_dim / 4);
  return at::pow(base, exponent).to(at::kBFloat16).to(at::kFloat);
}

/// Centres of `count` cells in [-1, 1].
at::Tensor centres(int64_t count, const at::Tensor& like) {
  return (at::arange(count, like.options()) + 0.5) / static_cast<double>(count) * 2 - 1;
}

VitBlockNames dinov3_block_names() {
  VitBlockNames names = VitBlockNames::published();
  names.gate_up = {"mlp.w1", "mlp.w2"};
  names.qkv_bias_mask = "attn.qkv.bias_mask";
  return names;
}

/// Layer scales are there where the weights hold one: both then, or the other is missed.
VitBlockConfig dinov3_block(const Dinov3Config& config, const Weights& weights) {
  const bool scaled = weights.has("ls1.gamma") || weights.has("ls2.gamma");
  return {.width = config.embed_dim,
          .num_heads = config.num_heads,
          .ffn_hidden = config.ffn_hidden,
          .gated = config.ffn == Dinov3Config::Ffn::kSwiglu,
          .activation = config.activation,
          .qkv_bias = config.qkv_bias,
          .proj_bias = config.proj_bias,
          .ffn_bias = config.ffn_bias,
          .mask_key_bias = config.mask_k_bias,
          .norm_eps = config.norm_eps,
          .layer_scale = scaled ? std::optional(1e-5) : std::nullopt};
}

}  // namespace

bool Dinov3::is_spare(const std::string& name) {
  for (const char* spare :
       {"mask_token", "rope_embed.periods", "embeddings.mask_token", "embeddings.register_tokens"}) {
    if (name == spare) return true;
  }
  // The norm of local crops is for training alone.
  return name.rfind("local_cls_norm.", 0) == 0 || name.ends_with(".attn.qkv.bias_mask");
}

Dinov3::Dinov3(const Weights& given, const Dinov3Config& config) : config_(config) {
  const Weights weights = with_published_dinov3_names(given);
  const int64_t C = config.embed_dim;
  SVG_CHECK(config.num_heads > 0 && C % config.num_heads == 0 && (C / config.num_heads) % 4 == 0,
            ErrorCode::kInvalidConfig, "[dinov3] embed_dim ", C, " over ", config.num_heads,
            " heads: the head size must be a multiple of 4");
  patch_embed_ = Conv2d(weights.scope("patch_embed.proj"), 3, C, config.patch_size, config.patch_size);
  cls_token_ = weights.get("cls_token", {1, 1, C}, Init::normal(0.02));
  if (config.storage_tokens > 0) {
    storage_tokens_ = weights.get("storage_tokens", {1, config.storage_tokens, C}, Init::normal(0.02));
  }
  const int64_t head_dim = C / config.num_heads;
  periods_ = weights.has("rope_embed.periods")
                 ? weights.get("rope_embed.periods", {head_dim / 4}, Init::ones(), Role::kBuffer)
                 : published_periods(head_dim, config.rope_base).to(cls_token_.device());
  for (int64_t i = 0; i < config.depth; ++i) {
    const Weights block = weights.scope("blocks." + std::to_string(i));
    blocks_.emplace_back(block, dinov3_block(config, block), dinov3_block_names());
  }
  norm_ = LayerNorm(weights.scope("norm"), C, config.norm_eps);
  cls_norm_ = config.untie_cls_and_patch_norms ? LayerNorm(weights.scope("cls_norm"), C, config.norm_eps) : norm_;
}

Dinov3::Rotation Dinov3::rotation(int64_t rows, int64_t columns) const {
  const at::Tensor y = centres(rows, periods_).view({rows, 1, 1, 1}).expand({rows, columns, 1, 1});
  const at::Tensor x = centres(columns, periods_).view({1, columns, 1, 1}).expand({rows, columns, 1, 1});
  // (h*w, 2, head_dim/4) -> (h*w, head_dim/2): first the row's angles, then the column's; the halves share them.
  const at::Tensor angles = (at::cat({y, x}, 2) * kTwoPi / periods_).view({rows * columns, -1}).repeat({1, 2});
  return {angles.cos(), angles.sin()};
}

Dinov3Features Dinov3::operator()(const at::Tensor& image) const {
  SVG_CHECK(image.dim() == 4 && image.size(1) == 3, ErrorCode::kInvalidArgument,
            "[dinov3] image must be (batch, 3, height, width), not ", image.sizes());
  const int64_t patch = config_.patch_size, B = image.size(0), H = image.size(2), W = image.size(3);
  if (H % patch != 0 || W % patch != 0 || H == 0 || W == 0) {
    throw Error(
        ErrorCode::kInvalidArgument,
        concat("[dinov3] an image of ", W, "x", H, " cannot be cut into patches of ", patch, "x", patch),
        concat("crop or resize it to ", std::max(patch, W / patch * patch), "x", std::max(patch, H / patch * patch)));
  }
  const at::ScalarType dtype = patch_embed_.dtype();
  std::vector<at::Tensor> tokens = {cls_token_.expand({B, -1, -1})};
  if (storage_tokens_.defined()) tokens.push_back(storage_tokens_.expand({B, -1, -1}));
  tokens.push_back(patch_embed_(image.to(dtype)).flatten(2).transpose(1, 2));
  // The sum of the layers stays fp32, so that bf16 rounds each branch once and not the whole stream each time.
  at::Tensor x = at::cat(tokens, 1).to(at::kFloat);

  const int64_t prefix = 1 + config_.storage_tokens;
  const Rotation rope = rotation(H / patch, W / patch);
  const auto rotate = [&](const at::Tensor& heads) { return rotate_halves(heads, rope.cos, rope.sin, prefix); };
  for (const VitBlock& block : blocks_) x = block(x, dtype, rotate);
  const at::Tensor head = cls_norm_(x.slice(1, 0, prefix));
  return {head.select(1, 0), head.slice(1, 1), norm_(x.slice(1, prefix))};
}

at::Tensor Dinov3::features(const at::Tensor& image, const Cells& cells) const {
  const at::Tensor picture = imagenet_normalised(patches_as_cells(image, cells, config_.patch_size));
  return (*this)(picture).patches.transpose(1, 2).reshape({image.size(0), config_.embed_dim, cells.rows, -1});
}

TensorMap dinov3_buffers(const Dinov3Config& config) {
  return {{"rope_embed.periods", published_periods(config.embed_dim / config.num_heads, config.rope_base)}};
}

}  // namespace svg
