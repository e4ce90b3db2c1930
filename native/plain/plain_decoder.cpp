#include "plain/plain_decoder.h"

#include <cmath>

namespace svg {
namespace {

/// Asks for the parameters by name as it goes; finding one is a look-up.
struct PlainDecoder {
  const Weights& weights;

  at::Tensor conv(const at::Tensor& x, const std::string& name, int64_t out, int64_t kernel) const {
    const Weights own = weights.scope(name);
    return at::conv2d(x, own.get("weight", {out, x.size(1), kernel, kernel}), own.get("bias", {out}), {1, 1},
                      {kernel / 2, kernel / 2});
  }

  at::Tensor norm(const at::Tensor& x, const std::string& name) const {
    const Weights own = weights.scope(name);
    const std::vector<int64_t> shape = {x.size(1)};
    const auto get = [&](const char* parameter) { return own.get(parameter, shape, Init::ones(), Role::kExact); };
    return at::group_norm(x.to(at::kFloat), 32, get("weight"), get("bias"), 1e-6).to(x.scalar_type());
  }

  at::Tensor res_block(const at::Tensor& x, const std::string& name, int64_t out) const {
    const auto swish = [](const at::Tensor& y) { return y * y.sigmoid(); };
    const at::Tensor hidden = conv(swish(norm(x, name + ".norm1")), name + ".conv1", out, 3);
    const at::Tensor branch = conv(swish(norm(hidden, name + ".norm2")), name + ".conv2", out, 3);
    return (x.size(1) == out ? x : conv(x, name + ".nin_shortcut", out, 1)) + branch;
  }

  at::Tensor attention(const at::Tensor& x, const std::string& name) const {
    const at::Tensor normed = norm(x, name + ".norm");
    const auto tokens = [&](const char* part) { return conv(normed, name + part, x.size(1), 1).flatten(2); };
    const at::Tensor q = tokens(".q"), k = tokens(".k"), v = tokens(".v");  // (1, C, h*w)
    const at::Tensor scores = at::bmm(q.transpose(1, 2), k) / std::sqrt(static_cast<double>(x.size(1)));
    const at::Tensor mixed = at::bmm(v, scores.softmax(2).transpose(1, 2)).view(x.sizes());
    return x + conv(mixed, name + ".proj_out", x.size(1), 1);
  }
};

}  // namespace

at::Tensor plain_decode(const Weights& weights, const ConvDecoderConfig& config, const at::Tensor& latent) {
  const PlainDecoder decoder{weights};
  const int64_t bottom = config.levels() - 1;
  const at::ScalarType dtype =
      weights.get("conv_in.weight", {config.width(bottom), config.z_channels, 3, 3}).scalar_type();
  at::Tensor x = decoder.conv(latent.to(dtype), "conv_in", config.width(bottom), 3);
  x = decoder.res_block(x, "mid.block_1", x.size(1));
  x = decoder.res_block(decoder.attention(x, "mid.attn_1"), "mid.block_2", x.size(1));
  for (int64_t level = bottom; level >= 0; --level) {
    const std::string prefix = "up." + std::to_string(level);
    for (int64_t i = 0; i <= config.num_res_blocks; ++i) {
      x = decoder.res_block(x, prefix + ".block." + std::to_string(i), config.width(level));
      if (config.attends(level)) x = decoder.attention(x, prefix + ".attn." + std::to_string(i));
    }
    if (level == 0) continue;
    x = decoder.conv(at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)}), prefix + ".upsample.conv", x.size(1),
                     3);
  }
  const at::Tensor normed = decoder.norm(x, "norm_out");
  return decoder.conv(normed * normed.sigmoid(), "conv_out", 3, 3).to(at::kFloat);
}

}  // namespace svg
