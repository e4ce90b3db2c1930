#include "models/rae_dit/block.h"

#include "ops/attention.h"
#include "ops/swiglu.h"

namespace svg {
namespace {

constexpr double kRaeDitNormEps = 1e-6;
constexpr double kRaeDitHeadNormEps = 1e-5;  // of the layer norm of heads, torch's default

}  // namespace

at::Tensor rae_modulated(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale) {
  const at::Tensor scaled = x * (1 + scale);
  return shift.defined() ? scaled + shift : scaled;
}

RaeDitNorm::RaeDitNorm(const Weights& weights, int64_t width, bool rms) : width_(width), is_rms_(rms) {
  if (rms) rms_ = RmsNorm(weights, width, kRaeDitNormEps);
}

at::Tensor RaeDitNorm::operator()(const at::Tensor& x) const {
  return is_rms_ ? rms_(x) : at::layer_norm(x, {width_}, {}, {}, kRaeDitNormEps);
}

RaeDitBlock::RaeDitBlock(const Weights& model, std::string name, const RaeDitPart& part,
                         const RaeDitBlockOptions& options)
    : name_(std::move(name)), num_heads_(part.num_heads), options_(options) {
  const Weights weights = model.scope(name_);
  const int64_t D = part.width;
  norm1_ = RaeDitNorm(weights.scope("norm1"), D, options.rms_norm);
  norm2_ = RaeDitNorm(weights.scope("norm2"), D, options.rms_norm);
  qkv_ = Linear(weights.scope("attn.qkv"), D, 3 * D);
  proj_ = Linear(weights.scope("attn.proj"), D, D);
  modulation_ = Linear(weights.scope("adaLN_modulation.1"), D, (options.shift ? 6 : 4) * D, true, Init::zeros());
  const Weights mlp = weights.scope("mlp");
  if (options.swiglu) {
    w12_ = Linear(mlp.scope("w12"), D, 2 * part.mlp_hidden);
    w3_ = Linear(mlp.scope("w3"), part.mlp_hidden, D);
  } else {
    fc1_ = Linear(mlp.scope("fc1"), D, part.mlp_hidden);
    fc2_ = Linear(mlp.scope("fc2"), part.mlp_hidden, D);
  }
  if (!options.qk_norm) return;
  const Weights query = weights.scope("attn.q_norm"), key = weights.scope("attn.k_norm");
  if (options.rms_norm) {
    q_rms_ = RmsNorm(query, part.head_dim(), kRaeDitNormEps);
    k_rms_ = RmsNorm(key, part.head_dim(), kRaeDitNormEps);
  } else {
    q_layer_ = LayerNorm(query, part.head_dim(), kRaeDitHeadNormEps);
    k_layer_ = LayerNorm(key, part.head_dim(), kRaeDitHeadNormEps);
  }
}

at::Tensor RaeDitBlock::rotated(const at::Tensor& heads, const Rope& rope, const RmsNorm& rms,
                                const LayerNorm& layer) const {
  const bool layered = options_.qk_norm && !options_.rms_norm;
  const at::Tensor normed = layered ? layer(heads) : heads;
  if (!rope.cos.defined()) return options_.qk_norm && !layered ? rms(normed) : normed;
  const int64_t B = heads.size(0), N = heads.size(1);
  const Rope every{rope.cos.repeat({B, 1}), rope.sin.repeat({B, 1})};
  return norm_rotate_heads(normed.flatten(0, 1), rms.weight, kRaeDitNormEps, every)
      .view({B, N, heads.size(2), heads.size(3)});
}

at::Tensor RaeDitBlock::attend(const at::Tensor& x, const Rope& rope) const {
  const int64_t B = x.size(0), N = x.size(1), D = x.size(2);
  const at::Tensor qkv = qkv_(x).view({B, N, 3, num_heads_, D / num_heads_});
  const at::Tensor out = attention(rotated(qkv.select(2, 0), rope, q_rms_, q_layer_),
                                   rotated(qkv.select(2, 1), rope, k_rms_, k_layer_), qkv.select(2, 2));
  return proj_(out.reshape({B, N, D}));
}

at::Tensor RaeDitBlock::feed_forward(const at::Tensor& x) const {
  if (!options_.swiglu) return fc2_(at::gelu(fc1_(x), "tanh"));
  const std::vector<at::Tensor> halves = w12_(x.flatten(0, 1)).chunk(2, -1);
  return w3_(swiglu(halves[0], halves[1])).view(x.sizes());
}

at::Tensor RaeDitBlock::operator()(const at::Tensor& x, const at::Tensor& condition, const Rope& rope) const {
  const at::ScalarType dtype = qkv_.dtype();
  const std::vector<at::Tensor> parts =
      modulation_(at::silu(condition).to(dtype)).to(at::kFloat).chunk(options_.shift ? 6 : 4, -1);
  const at::Tensor none;
  const auto part = [&](size_t with_shift, size_t without) -> const at::Tensor& {
    return parts[options_.shift ? with_shift : without];
  };
  // The sum of the layers stays fp32, so that bf16 rounds each branch once and not the whole stream each time.
  const at::Tensor first = rae_modulated(norm1_(x), options_.shift ? parts[0] : none, part(1, 0)).to(dtype);
  const at::Tensor between = at::addcmul(x, attend(first, rope).to(at::kFloat), part(2, 1));
  const at::Tensor second = rae_modulated(norm2_(between), options_.shift ? parts[3] : none, part(4, 2)).to(dtype);
  return at::addcmul(between, feed_forward(second).to(at::kFloat), part(5, 3));
}

}  // namespace svg
