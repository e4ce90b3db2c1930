#include "models/decoders/rae.h"

#include <cmath>

#include "core/error.h"
#include "models/decoders/rae_names.h"
#include "models/vit/sincos.h"
#include "ops/attention.h"

namespace svg {
namespace {

constexpr double kDiffusersEps = 1e-5;        // that diffusers adds to the deviation
constexpr double kDiffusersPositions = 16.0;  // cells and side over which diffusers spreads any grid

at::Tensor rae_activated(const at::Tensor& x, const std::string& name) {
  if (name == "gelu") return at::gelu(x);
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return at::gelu(x, "tanh");
  if (name == "relu") return at::relu(x);
  if (name == "silu" || name == "swish") return at::silu(x);
  throw Error(ErrorCode::kInvalidConfig, "[rae_decoder] unknown activation \"" + name + "\"",
              "One of: gelu, gelu_new, gelu_pytorch_tanh, relu, silu");
}

at::Tensor of_three(const std::array<double, 3>& values, const at::Tensor& like) {
  return at::tensor({values[0], values[1], values[2]}, like.options().dtype(at::kFloat).requires_grad(false))
      .view({1, 3, 1, 1});
}

/// (n, n) to (rows, columns) of the last two dimensions.
at::Tensor resized(const at::Tensor& map, int64_t rows, int64_t columns, bool cubic) {
  const at::Tensor batch = map.unsqueeze(0);
  return (cubic ? at::upsample_bicubic2d(batch, {rows, columns}, /*align_corners=*/false)
                : at::upsample_bilinear2d(batch, {rows, columns}, /*align_corners=*/false))
      .squeeze(0);
}

}  // namespace

RaeDecoder::RaeDecoder(const Weights& given, const RaeDecoderConfig& config, RaeStatistics statistics)
    : config_(config), statistics_(std::move(statistics)) {
  config.check();
  const Weights weights = with_rae_decoder_names(given);
  const int64_t D = config.width, pixels = config.patch_size * config.patch_size * 3;
  embed_ = Linear(weights.scope("decoder_embed"), config.latent_channels, D);
  cls_token_ = weights.get("trainable_cls_token", {1, 1, D}, Init::zeros(), Role::kExact);
  for (int64_t i = 0; i < config.depth; ++i) {
    const Weights from = weights.scope("decoder_layers." + std::to_string(i));
    const Weights attention = from.scope("attention.attention");
    RaeBlock block;
    block.norm1 = LayerNorm(from.scope("layernorm_before"), D, config.norm_eps);
    block.norm2 = LayerNorm(from.scope("layernorm_after"), D, config.norm_eps);
    block.query = Linear(attention.scope("query"), D, D);
    block.key = Linear(attention.scope("key"), D, D);
    block.value = Linear(attention.scope("value"), D, D);
    block.out = Linear(from.scope("attention.output.dense"), D, D);
    block.fc1 = Linear(from.scope("intermediate.dense"), D, config.mlp_hidden);
    block.fc2 = Linear(from.scope("output.dense"), config.mlp_hidden, D);
    blocks_.push_back(std::move(block));
  }
  norm_ = LayerNorm(weights.scope("decoder_norm"), D, config.norm_eps);
  last_weight_ = weights.get("decoder_pred.weight", {pixels, D});
  predict_ = Linear(plain_matrix(last_weight_), weights.get("decoder_pred.bias", {pixels}, Init::zeros()));
  const int64_t n = config.grid;
  const double step = config.positions_of_16 ? kDiffusersPositions / static_cast<double>(n) : 1;
  if (!config.positions_of_16 && weights.has("decoder_pos_embed")) {
    positions_ = weights.get("decoder_pos_embed", {1, 1 + n * n, D}, Init::zeros(), Role::kBuffer);
  } else {
    const at::Tensor table = at::cat({at::zeros({1, D}), sincos_positions(D, n, n, step)}, 0);
    positions_ = table.unsqueeze(0).to(cls_token_.device());
  }
  image_mean_ = of_three(config.image_mean, cls_token_);
  image_std_ = of_three(config.image_std, cls_token_);
  if (statistics_.deviation.defined() && config.eps_twice)
    statistics_.deviation = statistics_.deviation + kDiffusersEps;
  if (config.scaling_factor != 1) {
    const at::Tensor one = at::ones({1, 1, 1});
    statistics_.deviation = (statistics_.deviation.defined() ? statistics_.deviation : one) / config.scaling_factor;
  }
  for (at::Tensor* of : {&statistics_.mean, &statistics_.deviation}) {
    if (of->defined()) *of = of->to(cls_token_.device());
  }
}

at::Tensor RaeDecoder::positions(int64_t rows, int64_t columns) const {
  const int64_t n = config_.grid;
  if (rows == n && columns == n) return positions_;
  const at::Tensor map = positions_[0].slice(0, 1).t().reshape({-1, n, n});
  const at::Tensor other = resized(map, rows, columns, /*cubic=*/true).flatten(1).t().unsqueeze(0);
  return at::cat({positions_.slice(1, 0, 1), other}, 1);
}

at::Tensor RaeDecoder::statistic(const at::Tensor& of, int64_t rows, int64_t columns) const {
  const bool fits = (of.size(1) == rows && of.size(2) == columns) || (of.size(1) == 1 && of.size(2) == 1);
  return fits ? of : resized(of, rows, columns, /*cubic=*/false);
}

void RaeDecoder::check_channels(const at::Tensor& x) const {
  SVG_CHECK(x.dim() == 4 && x.size(1) == config_.latent_channels, ErrorCode::kInvalidArgument,
            "[rae_decoder] must be (batch, ", config_.latent_channels, ", height, width), not ", x.sizes());
}

at::Tensor RaeDecoder::latent(const at::Tensor& features) const {
  check_channels(features);
  at::Tensor x = features.to(at::kFloat);
  if (statistics_.mean.defined()) x = x - statistic(statistics_.mean, x.size(2), x.size(3));
  if (statistics_.deviation.defined()) x = x / statistic(statistics_.deviation, x.size(2), x.size(3));
  return x;
}

at::Tensor RaeDecoder::attend(const RaeBlock& block, const at::Tensor& x) const {
  const int64_t B = x.size(0), T = x.size(1), D = x.size(2);
  const auto heads = [&](const Linear& linear) { return linear(x).view({B, T, config_.num_heads, -1}); };
  return block.out(attention(heads(block.query), heads(block.key), heads(block.value)).reshape({B, T, D}));
}

at::Tensor RaeDecoder::pixels(const at::Tensor& latent) const {
  check_channels(latent);
  const int64_t B = latent.size(0), rows = latent.size(2), columns = latent.size(3), p = config_.patch_size;
  at::Tensor features = latent.to(at::kFloat);
  if (statistics_.deviation.defined()) features = features * statistic(statistics_.deviation, rows, columns);
  if (statistics_.mean.defined()) features = features + statistic(statistics_.mean, rows, columns);
  const at::ScalarType dtype = predict_.dtype();
  const at::Tensor tokens = embed_(features.flatten(2).transpose(1, 2).to(dtype)).to(at::kFloat);
  // The sum of the layers stays fp32, so that bf16 rounds each branch once and not the whole stream each time.
  at::Tensor x = at::cat({cls_token_.expand({B, -1, -1}), tokens}, 1) + positions(rows, columns);
  for (const RaeBlock& block : blocks_) {
    x = x + attend(block, block.norm1(x).to(dtype)).to(at::kFloat);
    x = x + block.fc2(rae_activated(block.fc1(block.norm2(x).to(dtype)), config_.activation)).to(at::kFloat);
  }
  const at::Tensor patches = predict_(norm_(x).slice(1, 1).to(dtype)).to(at::kFloat);
  const at::Tensor image =
      patches.view({B, rows, columns, p, p, 3}).permute({0, 5, 1, 3, 2, 4}).reshape({B, 3, rows * p, columns * p});
  return image * image_std_ + image_mean_;
}

TensorMap rae_decoder_buffers(const RaeDecoderConfig& config) {
  const at::Tensor table = sincos_positions(config.width, config.grid, config.grid);
  return {{"decoder_pos_embed", at::cat({at::zeros({1, config.width}), table}, 0).unsqueeze(0)}};
}

}  // namespace svg
