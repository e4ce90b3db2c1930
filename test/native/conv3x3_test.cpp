#include "ops/conv3x3.h"

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include "check.h"
#include "ops/group_norm.h"

namespace {

struct Layers {
  svg::Conv2d conv;
  svg::GroupNorm norm;

  Layers(int64_t in, int64_t out, at::ScalarType dtype = at::kFloat) {
    conv.weight = (at::randn({out, in, 3, 3}) / std::sqrt(9.0 * static_cast<double>(in))).to(dtype);
    conv.bias = at::randn({out}).to(dtype);
    conv.padding = 1;
    norm.weight = at::randn({in}) + 1;
    norm.bias = at::randn({in});
    norm.groups = in % 8 == 0 ? 8 : 1;
  }
  svg::Conv2d wide_conv() const {
    svg::Conv2d wide = conv;
    wide.weight = conv.weight.to(at::kDouble);
    wide.bias = conv.bias.to(at::kDouble);
    return wide;
  }
  svg::GroupNorm wide_norm() const {
    svg::GroupNorm wide = norm;
    wide.weight = norm.weight.to(at::kDouble);
    wide.bias = norm.bias.to(at::kDouble);
    return wide;
  }
};

/// |got - wanted| / |wanted|
double distance(const at::Tensor& got, const at::Tensor& wanted) {
  return ((got.to(at::kDouble) - wanted).norm() / wanted.norm()).item<double>();
}

struct Map {
  int64_t batch, in, out, rows, columns;
};

// Odd sizes, several pictures, channels that are no multiples of 16, and a map that many threads share.
const std::vector<Map> kMaps = {{1, 32, 48, 37, 50},  {2, 16, 16, 33, 41}, {1, 24, 16, 40, 36},  {2, 16, 40, 34, 37},
                                {1, 128, 64, 64, 32}, {1, 16, 32, 5, 3},   {1, 16, 16, 141, 150}};

}  // namespace

TEST_CASE("conv3x3: norm, SiLU, convolution and sum in one are those in fp64, in both layouts") {
  c10::NoGradGuard no_grad;
  for (const Map& map : kMaps) {
    for (const at::MemoryFormat layout : {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
      const Layers layers(map.in, map.out);
      const at::Tensor x = (at::randn({map.batch, map.in, map.rows, map.columns}) * 3 + 2).contiguous(layout);
      const at::Tensor sum = at::randn({map.batch, map.out, map.rows, map.columns}).contiguous(layout);
      for (const at::Tensor& residual : {at::Tensor(), sum}) {
        const at::Tensor wide = residual.defined() ? residual.to(at::kDouble) : residual;
        const at::Tensor wanted =
            svg::norm_silu_conv3x3_reference(layers.wide_norm(), x.to(at::kDouble), layers.wide_conv(), wide);
        const at::Tensor got = svg::norm_silu_conv3x3(layers.norm, x, layers.conv, residual);
        EXPECT(got.scalar_type() == at::kFloat && got.is_contiguous(layout));
        EXPECT_CLOSE(distance(got, wanted), 0, 3e-6);
      }
      EXPECT_CLOSE(distance(svg::conv3x3(layers.conv, x), layers.wide_conv()(x.to(at::kDouble))), 0, 3e-6);
    }
  }
}

TEST_CASE("conv3x3: of a doubled map it is that of the map doubled before, in both layouts") {
  c10::NoGradGuard no_grad;
  for (const Map& map : kMaps) {
    for (const at::MemoryFormat layout : {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
      const Layers layers(map.in, map.out);
      const at::Tensor x = at::randn({map.batch, map.in, map.rows, map.columns}).contiguous(layout);
      const at::Tensor got = svg::doubled_conv3x3(layers.conv, x);
      EXPECT(got.size(2) == 2 * map.rows && got.size(3) == 2 * map.columns && got.is_contiguous(layout));
      EXPECT_CLOSE(distance(got, svg::doubled_conv3x3_reference(layers.wide_conv(), x.to(at::kDouble))), 0, 3e-6);
    }
  }
}

TEST_CASE("conv3x3: rounding stays that of fp32 with many channels and values far from zero") {
  c10::NoGradGuard no_grad;
  const Layers layers(512, 32);
  const at::Tensor x = (at::randn({1, 512, 34, 36}) + 1).contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_CLOSE(distance(svg::conv3x3(layers.conv, x), layers.wide_conv()(x.to(at::kDouble))), 0, 5e-6);
}

TEST_CASE(
    "conv3x3: a picture gets the same bits alone, in a batch and by any number of threads that takes the same way") {
  c10::NoGradGuard no_grad;
  const Layers layers(32, 32);
  const at::Tensor x = at::randn({3, 32, 70, 66}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor both = svg::norm_silu_conv3x3(layers.norm, x, layers.conv, x);
  const at::Tensor last = x.slice(0, 2).contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT(at::equal(both.slice(0, 2), svg::norm_silu_conv3x3(layers.norm, last, layers.conv, last)));
}

TEST_CASE("conv3x3: bf16 and what records gradients go step by step, with the bits of the steps") {
  const Layers layers(16, 16), half(16, 16, at::kBFloat16);
  const at::Tensor map = at::randn({1, 16, 40, 40}).contiguous(at::MemoryFormat::ChannelsLast);
  {
    c10::NoGradGuard no_grad;
    const at::Tensor x = map.to(at::kBFloat16);
    EXPECT(at::equal(svg::norm_silu_conv3x3(half.norm, x, half.conv, x),
                     x + half.conv(svg::group_norm_silu(half.norm, x))));
  }
  svg::Conv2d trained = layers.conv;
  trained.weight = layers.conv.weight.clone().requires_grad_(true);
  const at::Tensor x = map.clone().requires_grad_(true), y = map.clone().requires_grad_(true);
  svg::norm_silu_conv3x3(layers.norm, x, trained, x).sum().backward();
  const at::Tensor fused = trained.weight.grad().clone();
  trained.weight.mutable_grad().reset();
  svg::norm_silu_conv3x3_reference(layers.norm, y, trained, y).sum().backward();
  EXPECT_CLOSE(distance(fused, trained.weight.grad().to(at::kDouble)), 0, 1e-5);
  EXPECT_CLOSE(distance(x.grad(), y.grad().to(at::kDouble)), 0, 1e-5);
}
