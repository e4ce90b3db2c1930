#include "plain/plain_encoder.h"

namespace svg {
namespace {

constexpr double kTwoPi = 6.283185307179586;

struct PlainEncoder {
  const Dinov3Config& config;

  at::Tensor norm(const Weights& weights, const at::Tensor& x) const {
    const auto get = [&](const char* name) {
      return weights.get(name, {config.embed_dim}, Init::ones(), Role::kExact);
    };
    return at::layer_norm(x.to(at::kFloat), {config.embed_dim}, get("weight"), get("bias"), config.norm_eps);
  }

  at::Tensor linear(const Weights& weights, const at::Tensor& x, int64_t out) const {
    const at::Tensor weight = weights.get("weight", {out, x.size(-1)});
    return at::linear(x.to(weight.scalar_type()), weight, weights.get("bias", {out}));
  }

  /// LayerScale, where the weights have it.
  at::Tensor scaled(const Weights& weights, const at::Tensor& branch) const {
    if (!weights.has("gamma")) return branch.to(at::kFloat);
    return branch.to(at::kFloat) * weights.get("gamma", {config.embed_dim}, Init::ones(), Role::kExact);
  }

  /// Angles of the patches' rows and columns: (h*w, head_dim).
  at::Tensor angles(int64_t rows, int64_t columns) const {
    const int64_t quarter = config.embed_dim / config.num_heads / 4;
    const at::Tensor exponent = at::arange(quarter, at::kFloat) / static_cast<double>(quarter);
    const at::Tensor periods = at::pow(config.rope_base, exponent).to(at::kBFloat16).to(at::kFloat);
    const auto centres = [](int64_t count) {
      return (at::arange(count, at::kFloat) + 0.5) / static_cast<double>(count) * 2 - 1;
    };
    const std::vector<at::Tensor> grid = at::meshgrid({centres(rows), centres(columns)}, "ij");
    const at::Tensor both = at::stack({grid[0].flatten(), grid[1].flatten()}, 1);  // (h*w, 2)
    return (both.unsqueeze(2) * kTwoPi / periods).flatten(1).repeat({1, 2});
  }

  /// x (1, T, C); the patches follow `prefix` tokens that are not rotated.
  at::Tensor attention(const Weights& weights, const at::Tensor& x, const at::Tensor& angles, int64_t prefix) const {
    const int64_t C = config.embed_dim, T = x.size(1);
    const at::Tensor weight = weights.get("qkv.weight", {3 * C, C});
    at::Tensor mask = at::ones({3 * C}, x.options().dtype(at::kFloat));
    mask.slice(0, C, 2 * C).zero_();
    const at::Tensor bias = (weights.get("qkv.bias", {3 * C}) * mask).to(weight.scalar_type());
    const at::Tensor qkv = at::linear(x.to(weight.scalar_type()), weight, bias)
                               .view({1, T, 3, config.num_heads, -1})
                               .permute({2, 0, 3, 1, 4});
    const auto rotate = [&](const at::Tensor& heads) {  // (1, H, T, D)
      const at::Tensor patches = heads.slice(2, prefix).to(at::kFloat);
      const std::vector<at::Tensor> halves = patches.chunk(2, -1);
      const at::Tensor turned = patches * angles.cos() + at::cat({-halves[1], halves[0]}, -1) * angles.sin();
      return at::cat({heads.slice(2, 0, prefix), turned.to(heads.scalar_type())}, 2);
    };
    const at::Tensor mixed = at::scaled_dot_product_attention(rotate(qkv[0]), rotate(qkv[1]), qkv[2]);
    return linear(weights.scope("proj"), mixed.transpose(1, 2).reshape({1, T, C}), C);
  }

  at::Tensor feed_forward(const Weights& weights, const at::Tensor& x) const {
    const at::Tensor gate = at::silu(linear(weights.scope("w1"), x, config.ffn_hidden));
    return linear(weights.scope("w3"), gate * linear(weights.scope("w2"), x, config.ffn_hidden), config.embed_dim);
  }
};

}  // namespace

at::Tensor plain_encode(const Weights& weights, const Dinov3Config& config, const at::Tensor& image) {
  const PlainEncoder encoder{config};
  const int64_t C = config.embed_dim, patch = config.patch_size;
  const Weights embed = weights.scope("patch_embed.proj");
  const at::Tensor kernel = embed.get("weight", {C, 3, patch, patch});
  const at::Tensor patches = at::conv2d(image.to(kernel.scalar_type()), kernel, embed.get("bias", {C}), {patch, patch})
                                 .flatten(2)
                                 .transpose(1, 2);
  const at::Tensor storage = weights.get("storage_tokens", {1, config.storage_tokens, C});
  at::Tensor x = at::cat({weights.get("cls_token", {1, 1, C}), storage, patches}, 1).to(at::kFloat);
  const int64_t prefix = 1 + config.storage_tokens;
  const at::Tensor angles = encoder.angles(image.size(2) / patch, image.size(3) / patch).to(image.device());
  for (int64_t i = 0; i < config.depth; ++i) {
    const Weights block = weights.scope("blocks." + std::to_string(i));
    const at::Tensor in = encoder.norm(block.scope("norm1"), x);
    x = x + encoder.scaled(block.scope("ls1"), encoder.attention(block.scope("attn"), in, angles, prefix));
    const at::Tensor middle = encoder.norm(block.scope("norm2"), x);
    x = x + encoder.scaled(block.scope("ls2"), encoder.feed_forward(block.scope("mlp"), middle));
  }
  return encoder.norm(weights.scope("norm"), x).slice(1, prefix);
}

}  // namespace svg
