#include "models/encoders/dinov3.h"

#include <cmath>

#include "core/error.h"
#include "models/encoders/dinov3_names.h"
#include "models/encoders/picture.h"
#include "ops/attention.h"
#include "ops/swiglu.h"

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

at::Tensor activated(const at::Tensor& x, Dinov3Config::Activation activation) {
  switch (activation) {
    case Dinov3Config::Activation::kGelu: return at::gelu(x);
    case Dinov3Config::Activation::kGeluTanh: return at::gelu(x, "tanh");
    case Dinov3Config::Activation::kRelu: return at::relu(x);
    case Dinov3Config::Activation::kSilu: return at::silu(x);
  }
  return x;
}

/// (.., D): the halves (a, b) become (-b, a).
at::Tensor rotate_half(const at::Tensor& x) {
  const std::vector<at::Tensor> halves = x.chunk(2, -1);
  return at::cat({-halves[1], halves[0]}, -1);
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
  for (int64_t i = 0; i < config.depth; ++i)
    blocks_.push_back(load_block(weights.scope("blocks." + std::to_string(i))));
  norm_ = LayerNorm(weights.scope("norm"), C, config.norm_eps);
  cls_norm_ = config.untie_cls_and_patch_norms ? LayerNorm(weights.scope("cls_norm"), C, config.norm_eps) : norm_;
}

Dinov3::Block Dinov3::load_block(const Weights& weights) const {
  const int64_t C = config_.embed_dim;
  Block block;
  block.norm1 = LayerNorm(weights.scope("norm1"), C, config_.norm_eps);
  block.norm2 = LayerNorm(weights.scope("norm2"), C, config_.norm_eps);
  const Weights qkv = weights.scope("attn.qkv");
  block.qkv = Linear(qkv, C, 3 * C, /*with_bias=*/false);
  if (config_.qkv_bias) {
    block.qkv_bias = qkv.get("bias", {3 * C}, Init::zeros());
    if (qkv.has("bias_mask")) {
      block.qkv_bias_mask = qkv.get("bias_mask", {3 * C}, Init::ones(), Role::kBuffer);
    } else if (config_.mask_k_bias) {
      block.qkv_bias_mask = at::ones({3 * C}, block.qkv_bias.options().dtype(at::kFloat).requires_grad(false));
      block.qkv_bias_mask.slice(0, C, 2 * C).zero_();
    }
  }
  block.proj = Linear(weights.scope("attn.proj"), C, C, config_.proj_bias);
  // Both or neither: one alone is missed below.
  if (weights.has("ls1.gamma") || weights.has("ls2.gamma")) {
    block.ls1 = weights.get("ls1.gamma", {C}, Init::constant(1e-5), Role::kExact);
    block.ls2 = weights.get("ls2.gamma", {C}, Init::constant(1e-5), Role::kExact);
  }
  const Weights mlp = weights.scope("mlp");
  if (config_.ffn == Dinov3Config::Ffn::kMlp) {
    block.fc1 = Linear(mlp.scope("fc1"), C, config_.ffn_hidden, config_.ffn_bias);
    block.fc2 = Linear(mlp.scope("fc2"), config_.ffn_hidden, C, config_.ffn_bias);
  } else {
    block.w1 = Linear(mlp.scope("w1"), C, config_.ffn_hidden, config_.ffn_bias);
    block.w2 = Linear(mlp.scope("w2"), C, config_.ffn_hidden, config_.ffn_bias);
    block.w3 = Linear(mlp.scope("w3"), config_.ffn_hidden, C, config_.ffn_bias);
  }
  return block;
}

Dinov3::Rotation Dinov3::rotation(int64_t rows, int64_t columns) const {
  const at::Tensor y = centres(rows, periods_).view({rows, 1, 1, 1}).expand({rows, columns, 1, 1});
  const at::Tensor x = centres(columns, periods_).view({1, columns, 1, 1}).expand({rows, columns, 1, 1});
  // (h*w, 2, head_dim/4) -> (h*w, head_dim/2): first the row's angles, then the column's; the halves share them.
  const at::Tensor angles = (at::cat({y, x}, 2) * kTwoPi / periods_).view({rows * columns, -1}).repeat({1, 2});
  return {angles.cos(), angles.sin()};
}

at::Tensor Dinov3::attend(const Block& block, const at::Tensor& x, const Rotation& rope) const {
  const int64_t B = x.size(0), T = x.size(1), C = x.size(2);
  const int64_t head_dim = C / config_.num_heads;
  at::Tensor bias = block.qkv_bias;
  if (block.qkv_bias_mask.defined()) bias = (bias * block.qkv_bias_mask).to(block.qkv.dtype());
  const at::Tensor qkv = block.qkv.with_bias(bias)(x).view({B, T, 3, config_.num_heads, head_dim});

  const int64_t prefix = 1 + config_.storage_tokens;
  const at::Tensor cos = rope.cos.unsqueeze(1), sin = rope.sin.unsqueeze(1);  // (h*w, 1, head_dim)
  const auto rotate = [&](const at::Tensor& heads) {                          // patches only
    const at::Tensor patches = heads.slice(1, prefix).to(at::kFloat);
    const at::Tensor turned = (patches * cos + rotate_half(patches) * sin).to(heads.scalar_type());
    return at::cat({heads.slice(1, 0, prefix), turned}, 1);
  };
  const at::Tensor out = attention(rotate(qkv.select(2, 0)), rotate(qkv.select(2, 1)), qkv.select(2, 2));
  return block.proj(out.reshape({B, T, C}));
}

at::Tensor Dinov3::feed_forward(const Block& block, const at::Tensor& x) const {
  if (config_.ffn == Dinov3Config::Ffn::kMlp) return block.fc2(activated(block.fc1(x), config_.activation));
  if (config_.activation != Dinov3Config::Activation::kSilu) {
    return block.w3(activated(block.w1(x), config_.activation) * block.w2(x));
  }
  const at::Tensor rows = x.flatten(0, 1);
  return block.w3(swiglu(block.w1(rows), block.w2(rows))).view(x.sizes());
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

  const auto add = [](const at::Tensor& stream, const at::Tensor& branch, const at::Tensor& scale) {
    return scale.defined() ? at::addcmul(stream, branch.to(at::kFloat), scale) : stream + branch.to(at::kFloat);
  };
  const Rotation rope = rotation(H / patch, W / patch);
  for (const Block& block : blocks_) {
    x = add(x, attend(block, block.norm1(x).to(dtype), rope), block.ls1);
    x = add(x, feed_forward(block, block.norm2(x).to(dtype)), block.ls2);
  }
  const int64_t prefix = 1 + config_.storage_tokens;
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
