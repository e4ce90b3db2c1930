#include "models/residual_vit.h"

#include <cmath>
#include <numbers>

#include "core/error.h"

namespace svg {
namespace {

constexpr double kResidualNormEps = 1e-6;
constexpr double kTheta = 10;  // base of the initial frequencies
constexpr double kFullTurn = 2 * std::numbers::pi;

/// (.., D) as D/2 complex numbers, turned by angles that broadcast to (.., D/2).
at::Tensor rotate_pairs(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  const at::Tensor pairs = x.to(at::kFloat).unflatten(-1, {-1, 2});
  const at::Tensor a = pairs.select(-1, 0), b = pairs.select(-1, 1);
  return at::stack({a * cos - b * sin, a * sin + b * cos}, -1).flatten(-2).to(x.scalar_type());
}

Init residual_init() { return Init::truncated_normal(0.02); }

VitBlockConfig block_config(const ResidualVitConfig& config) {
  return {.width = config.embed_dim,
          .num_heads = config.num_heads,
          .ffn_hidden = config.mlp_hidden,
          .norm_eps = kResidualNormEps,
          .layer_scale = 1e-4,
          .round_scaled = true,
          .init = residual_init()};
}

VitBlockNames block_names() {
  VitBlockNames names = VitBlockNames::published();
  names.scale1 = "gamma_1";
  names.scale2 = "gamma_2";
  return names;
}

}  // namespace

ResidualVitConfig ResidualVitConfig::from_json(const Json& json) {
  ResidualVitConfig config;
  config.img_size = json.get_int("img_size", config.img_size);
  config.patch_size = json.get_int("patch_size", config.patch_size);
  config.embed_dim = json.get_int("embed_dim", config.embed_dim);
  config.depth = json.get_int("depth", config.depth);
  config.num_heads = json.get_int("num_heads", config.num_heads);
  config.output_dim = json.get_int("output_dim", config.output_dim);
  const double ratio = json.get_double("mlp_ratio", 4);
  config.mlp_hidden =
      json.get_int("intermediate_size", static_cast<int64_t>(static_cast<double>(config.embed_dim) * ratio));
  return config;
}

ResidualVitConfig ResidualVitConfig::infer(const Weights& weights) {
  const auto need = [&](const std::string& name, size_t rank) {
    const auto shape = weights.shape_of(name);
    SVG_CHECK(shape && shape->size() == rank, ErrorCode::kWeightsMismatch, weights.description(),
              " holds no residual branch: \"", name, "\" of ", rank, " dimensions is missing");
    return *shape;
  };
  ResidualVitConfig config;
  const auto patch = need("patch_embed.proj.weight", 4);
  config.embed_dim = patch[0];
  config.patch_size = patch[3];
  config.depth = need("freqs", 3)[1];
  config.num_heads = config.embed_dim / kResidualHeadChannels;
  config.output_dim = need("heads.2.weight", 2)[0];
  config.mlp_hidden = need("blocks.0.mlp.fc1.weight", 2)[0];
  if (const auto tokens = weights.shape_of("freqs_t_x")) {
    const double side = std::sqrt(static_cast<double>(tokens->at(0)));
    config.img_size = std::lround(side) * config.patch_size;
  }
  return config;
}

ResidualVit::ResidualVit(const Weights& weights, const ResidualVitConfig& config) : config_(config) {
  const int64_t C = config.embed_dim;
  SVG_CHECK(config.num_heads > 0 && C % (2 * config.num_heads) == 0, ErrorCode::kInvalidConfig,
            "[residual_vit] embed_dim ", C, " over ", config.num_heads, " heads: the head size must be even");
  patch_embed_ = Conv2d(weights.scope("patch_embed.proj"), 3, C, config.patch_size, config.patch_size);
  cls_token_ = weights.get("cls_token", {1, 1, C}, Init::truncated_normal(0.02));
  freqs_ = weights.get("freqs", {2, config.depth, C / 2}, Init::normal(0.02), Role::kExact);
  const int64_t side = config.img_size / config.patch_size;
  if (weights.has("freqs_t_x") && weights.has("freqs_t_y")) {
    stored_ = {weights.get("freqs_t_x", {side * side}, Init::zeros(), Role::kBuffer),
               weights.get("freqs_t_y", {side * side}, Init::zeros(), Role::kBuffer)};
  }
  for (int64_t i = 0; i < config.depth; ++i) {
    blocks_.emplace_back(weights.scope("blocks." + std::to_string(i)), block_config(config), block_names());
  }
  norm_ = LayerNorm(weights.scope("norm"), C, kResidualNormEps);
  head_in_ = Linear(weights.scope("heads.0"), C, C, /*with_bias=*/true, residual_init());
  head_out_ = Linear(weights.scope("heads.2"), C, config.output_dim, /*with_bias=*/true, residual_init());
}

TensorMap residual_vit_buffers(const ResidualVitConfig& config) {
  const int64_t side = config.img_size / config.patch_size;
  const at::Tensor cells = at::arange(side, at::kFloat);
  return {{"freqs_t_x", cells.repeat({side})}, {"freqs_t_y", cells.repeat_interleave(side)}};
}

ResidualVit::Positions ResidualVit::positions(int64_t rows, int64_t columns) const {
  const int64_t side = config_.img_size / config_.patch_size;
  // As the reference: the positions of the square serve any image of as many patches, whatever its shape.
  if (rows * columns == side * side) {
    if (stored_.x.defined()) return stored_;
    rows = columns = side;
  }
  const at::TensorOptions options = freqs_.options().requires_grad(false);
  return {at::arange(columns, options).repeat({rows}), at::arange(rows, options).repeat_interleave(columns)};
}

at::Tensor ResidualVit::operator()(const at::Tensor& image) const {
  SVG_CHECK(image.dim() == 4 && image.size(1) == 3, ErrorCode::kInvalidArgument,
            "[residual_vit] image must be (batch, 3, height, width), not ", image.sizes());
  const int64_t patch = config_.patch_size, rows = image.size(2) / patch, columns = image.size(3) / patch;
  SVG_CHECK(rows > 0 && columns > 0 && image.size(2) % patch == 0 && image.size(3) % patch == 0,
            ErrorCode::kInvalidArgument, "[residual_vit] an image of ", image.size(3), "x", image.size(2),
            " cannot be cut into patches of ", patch, "x", patch);
  const at::ScalarType dtype = patch_embed_.dtype();
  const at::Tensor patches = patch_embed_(image.to(dtype)).flatten(2).transpose(1, 2);
  at::Tensor x = at::cat({cls_token_.expand({image.size(0), -1, -1}), patches}, 1).to(at::kFloat);

  const Positions at_patch = positions(rows, columns);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const at::Tensor fx = freqs_[0][static_cast<int64_t>(i)], fy = freqs_[1][static_cast<int64_t>(i)];
    const at::Tensor angles = (at_patch.x.unsqueeze(1) * fx + at_patch.y.unsqueeze(1) * fy)  // (N, C/2)
                                  .view({rows * columns, config_.num_heads, -1});
    const at::Tensor cos = angles.cos(), sin = angles.sin();
    x = blocks_[i](x, dtype, [&](const at::Tensor& heads) {  // patches only
      return at::cat({heads.slice(1, 0, 1), rotate_pairs(heads.slice(1, 1), cos, sin)}, 1);
    });
  }
  const at::Tensor features = norm_(x.slice(1, 1)).to(dtype);
  return head_out_(at::gelu(head_in_(features))).to(at::kFloat).transpose(1, 2);
}

TensorMap initial_residual_frequencies(const ResidualVitConfig& config, at::Generator generator) {
  const int64_t H = config.num_heads, head_dim = config.embed_dim / H;
  const at::Tensor magnitude =
      at::pow(kTheta, -(at::arange(0, head_dim, 4, at::kFloat) / static_cast<double>(head_dim)));
  const at::Tensor direction =
      at::rand({config.depth, H, 1}, generator, at::TensorOptions().dtype(at::kFloat)) * kFullTurn;
  const at::Tensor across = direction + kFullTurn / 4;
  const at::Tensor x = at::cat({magnitude * direction.cos(), magnitude * across.cos()}, -1);  // (depth, H, D/2)
  const at::Tensor y = at::cat({magnitude * direction.sin(), magnitude * across.sin()}, -1);
  return {{"freqs", at::stack({x, y}).view({2, config.depth, config.embed_dim / 2})}};
}

}  // namespace svg
