#include "plain/plain_dit.h"

#include <cmath>

#include "models/time_features.h"

namespace svg {
namespace {

// Under autocast the original keeps its residual stream in fp32 and casts what enters a matrix.
at::Tensor linear(const Linear& layer, const at::Tensor& x) { return layer(x.to(layer.dtype())); }

at::Tensor norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor normed = wide * at::rsqrt(wide.pow(2).mean(-1, true) + eps);
  return normed.to(x.scalar_type()) * weight;
}

/// x (B, T, H, D), rotation complex (B, T, D / 2)
at::Tensor rotate(const at::Tensor& x, const at::Tensor& rotation) {
  const at::Tensor pairs = at::view_as_complex(x.to(at::kFloat).unflatten(-1, {-1, 2}).contiguous());
  return at::view_as_real(pairs * rotation.unsqueeze(2)).flatten(3).to(x.scalar_type());
}

at::Tensor attention(const NextDitBlock& block, const at::Tensor& x, const at::Tensor& mask,
                     const at::Tensor& rotation) {
  const int64_t batch = x.size(0);
  const int64_t length = x.size(1);
  const int64_t width = block.heads * block.head_dim;
  const int64_t kv_width = block.kv_heads * block.head_dim;
  const at::Tensor qkv = linear(block.qkv, x);
  const at::ScalarType dtype = qkv.scalar_type();
  const auto heads = [&](int64_t start, int64_t size, int64_t count) {
    return qkv.narrow(2, start, size).unflatten(2, {count, block.head_dim});
  };
  at::Tensor q = heads(0, width, block.heads);
  at::Tensor k = heads(width, kv_width, block.kv_heads);
  at::Tensor v = heads(width + kv_width, kv_width, block.kv_heads);
  if (block.q_norm.defined()) {
    q = norm(q, block.q_norm, 1e-6);
    k = norm(k, block.k_norm, 1e-6);
  }
  q = rotate(q, rotation).to(dtype);
  k = rotate(k, rotation).to(dtype);
  const int64_t repeat = block.heads / block.kv_heads;
  k = k.unsqueeze(3).repeat({1, 1, 1, repeat, 1}).flatten(2, 3);
  v = v.unsqueeze(3).repeat({1, 1, 1, repeat, 1}).flatten(2, 3);
  const at::Tensor wide_mask = mask.view({batch, 1, 1, length}).expand({batch, block.heads, length, length});
  const at::Tensor attended =
      at::scaled_dot_product_attention(q.permute({0, 2, 1, 3}), k.permute({0, 2, 1, 3}), v.permute({0, 2, 1, 3}),
                                       wide_mask, 0.0, false, std::sqrt(1.0 / static_cast<double>(block.head_dim)));
  return linear(block.out, attended.permute({0, 2, 1, 3}).flatten(2));
}

at::Tensor feed_forward(const NextDitBlock& block, const at::Tensor& x) {
  return linear(block.w2, at::silu(linear(block.w1, x)) * linear(block.w3, x));
}

/// x (B, T, dim); silu_t (B, adaln_dim), undefined for the context refiner.
at::Tensor run_block(const NextDitBlock& block, const at::Tensor& x, const at::Tensor& mask, const at::Tensor& rotation,
                     const at::Tensor& silu_t) {
  const auto norm_of = [](const RmsNorm& layer, const at::Tensor& rows) { return norm(rows, layer.weight, layer.eps); };
  if (!block.modulated) {
    const at::Tensor middle =
        x + norm_of(block.attention_norm2, attention(block, norm_of(block.attention_norm1, x), mask, rotation));
    return middle + norm_of(block.ffn_norm2, feed_forward(block, norm_of(block.ffn_norm1, middle)));
  }
  const auto parts = linear(block.adaln, silu_t).unsqueeze(1).chunk(4, 2);
  const at::Tensor attention_in = norm_of(block.attention_norm1, x) * (1 + parts[0]);
  const at::Tensor middle =
      x + parts[1].tanh() * norm_of(block.attention_norm2, attention(block, attention_in, mask, rotation));
  const at::Tensor ffn_in = norm_of(block.ffn_norm1, middle) * (1 + parts[2]);
  return middle + parts[3].tanh() * norm_of(block.ffn_norm2, feed_forward(block, ffn_in));
}

at::Tensor complex_of(const Rope& rope) { return at::complex(rope.cos, rope.sin); }

}  // namespace

at::Tensor plain_dit_forward(const NextDit& model, const at::Tensor& latents, const at::Tensor& t,
                             const at::Tensor& features, const at::Tensor& mask) {
  const int64_t batch = latents.size(0);
  const TokenGrid grid = model.grid_of(latents[0]);
  const at::TensorOptions place = at::device(model.device());
  const at::Tensor lengths = mask.sum(1).to(at::kCPU);
  const int64_t longest = lengths.max().item<int64_t>() + grid.tokens();
  const at::Tensor silu_t = at::silu(linear(model.time_out, at::silu(linear(model.time_in, time_features(t)))));

  at::Tensor captions = linear(model.caption_in, norm(features, model.caption_norm.weight, model.caption_norm.eps));
  const at::TensorOptions angles = place.dtype(at::kComplexFloat);
  at::Tensor rotation = at::zeros({batch, longest, model.config.head_dim() / 2}, angles);
  at::Tensor caption_rotation = at::zeros({batch, features.size(1), rotation.size(2)}, angles);
  at::Tensor image_rotation = at::zeros({batch, grid.tokens(), rotation.size(2)}, angles);
  for (int64_t i = 0; i < batch; ++i) {
    const int64_t length = lengths[i].item<int64_t>();
    const at::Tensor row = complex_of(model.pack_sequences({length}, {grid}).rope);
    rotation[i].narrow(0, 0, row.size(0)).copy_(row);
    caption_rotation[i].narrow(0, 0, length).copy_(row.narrow(0, 0, length));
    image_rotation[i].copy_(row.narrow(0, length, grid.tokens()));
  }
  for (const NextDitBlock& block : model.context_refiner)
    captions = run_block(block, captions, mask.to(model.device()), caption_rotation, {});

  const int64_t p = model.config.patch_size;
  const at::Tensor patches = latents.reshape({batch, model.config.in_channels, grid.rows, p, grid.columns, p})
                                 .permute({0, 2, 4, 3, 5, 1})
                                 .reshape({batch, grid.tokens(), model.config.patch_dim()});
  const at::Tensor image_mask = at::ones({batch, grid.tokens()}, place.dtype(at::kBool));
  at::Tensor images = linear(model.x_embedder, patches).to(at::kFloat);
  for (const NextDitBlock& block : model.noise_refiner)
    images = run_block(block, images, image_mask, image_rotation, silu_t);

  at::Tensor x = at::zeros({batch, longest, model.config.dim}, place.dtype(at::kFloat));
  at::Tensor full_mask = at::zeros({batch, longest}, place.dtype(at::kBool));
  for (int64_t i = 0; i < batch; ++i) {
    const int64_t length = lengths[i].item<int64_t>();
    x[i].narrow(0, 0, length).copy_(captions[i].narrow(0, 0, length));
    x[i].narrow(0, length, grid.tokens()).copy_(images[i]);
    full_mask[i].narrow(0, 0, length + grid.tokens()).fill_(true);
  }
  for (const NextDitBlock& block : model.layers) x = run_block(block, x, full_mask, rotation, silu_t);

  const at::Tensor scale = linear(model.final_adaln, silu_t).unsqueeze(1);
  x = linear(model.final_linear, at::layer_norm(x, {model.config.dim}, {}, {}, 1e-6) * (1 + scale)).to(at::kFloat);
  std::vector<at::Tensor> velocities;
  for (int64_t i = 0; i < batch; ++i) {
    velocities.push_back(model.unpatchify(x[i].narrow(0, lengths[i].item<int64_t>(), grid.tokens()), grid));
  }
  return at::stack(velocities, 0);
}

at::Tensor plain_guided_velocity(const NextDit& model, const at::Tensor& latent, double t, const at::Tensor& features,
                                 const at::Tensor& mask, const Guidance& guidance) {
  if (!(t < guidance.until)) {
    const at::Tensor time = at::full({1}, t, latent.options());
    return plain_dit_forward(model, latent, time, features.narrow(0, 0, 1), mask.narrow(0, 0, 1))[0];
  }
  const at::Tensor both =
      plain_dit_forward(model, latent.repeat({2, 1, 1, 1}), at::full({2}, t, latent.options()), features, mask);
  return guided_velocity(both[0], both[1], guidance);
}

}  // namespace svg
