#include "ops/layer_product.h"

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include "check.h"
#include "core/matrix.h"
#include "ops/layers.h"

namespace {

using svg::LayerTensors;

struct Sizes {
  int64_t rows, in, out;
};

// Whole tiles and rests of them, of rows, inputs and outputs; several blocks of inputs, groups and chunks of rows.
const std::vector<Sizes> kSizes = {{1, 300, 20},   {33, 3, 5},      {37, 64, 16},    {48, 384, 384}, {61, 385, 33},
                                   {261, 96, 100}, {265, 1537, 70}, {800, 200, 129}, {35, 5000, 47}};

LayerTensors drawn(int64_t in, int64_t out, bool bias) {
  return {at::randn({out, in}) / std::sqrt(static_cast<double>(in)), bias ? at::randn({out}) : at::Tensor()};
}

LayerTensors wide(const LayerTensors& layer) {
  return {layer.weight.to(at::kDouble), layer.bias.defined() ? layer.bias.to(at::kDouble) : layer.bias};
}

double distance(const at::Tensor& got, const at::Tensor& wanted) {
  return ((got.to(at::kDouble) - wanted).norm() / wanted.norm()).item<double>();
}

at::Tensor gated_in_double(const at::Tensor& x, const LayerTensors& gate, const LayerTensors& up) {
  const at::Tensor wide_x = x.to(at::kDouble);
  return at::silu(layer_product_reference(wide_x, wide(gate))) * layer_product_reference(wide_x, wide(up));
}

}  // namespace

TEST_CASE("layer product: it is that in fp64, whatever the sizes") {
  c10::NoGradGuard no_grad;
  for (const Sizes& size : kSizes) {
    for (const bool bias : {true, false}) {
      const LayerTensors layer = drawn(size.in, size.out, bias);
      const at::Tensor x = at::randn({size.rows, size.in});
      const at::Tensor got = svg::layer_product(x, layer);
      EXPECT(got.scalar_type() == at::kFloat && got.is_contiguous());
      EXPECT_CLOSE(distance(got, svg::layer_product_reference(x.to(at::kDouble), wide(layer))), 0, 2e-6);
    }
  }
}

TEST_CASE("layer product: with a gate or a sum it is that in fp64") {
  c10::NoGradGuard no_grad;
  for (const Sizes& size : kSizes) {
    const LayerTensors layer = drawn(size.in, size.out, true), up = drawn(size.in, size.out, size.out % 2 == 0);
    const at::Tensor x = at::randn({size.rows, size.in}), sum = at::randn({size.rows, size.out});
    EXPECT_CLOSE(distance(svg::gated_product(x, layer, up), gated_in_double(x, layer, up)), 0, 3e-6);
    for (const at::Tensor& scale : {at::randn({size.out}), at::Tensor()}) {
      const at::Tensor part = svg::layer_product_reference(x.to(at::kDouble), wide(layer));
      const at::Tensor wanted = sum.to(at::kDouble) + (scale.defined() ? part * scale.to(at::kDouble) : part);
      const at::Tensor before = sum.clone();
      EXPECT_CLOSE(distance(svg::added_product(sum, x, layer, scale), wanted), 0, 2e-6);
      EXPECT(sum.equal(before));
    }
  }
}

TEST_CASE("layer product: a row has the same bits among others, in a batch, and by any number of threads") {
  c10::NoGradGuard no_grad;
  const LayerTensors layer = drawn(700, 150, true), up = drawn(700, 150, true);
  const at::Tensor x = at::randn({3, 200, 700});
  const at::Tensor whole = svg::layer_product(x, layer), gated = svg::gated_product(x, layer, up);
  EXPECT(whole.sizes().equals({3, 200, 150}));
  const int threads = at::get_num_threads();
  for (const int count : {1, 2, 7}) {
    at::set_num_threads(count);
    EXPECT(svg::layer_product(x, layer).equal(whole));
    for (const int64_t rows : {1, 3, 47}) {
      EXPECT(svg::layer_product(x[1].narrow(0, 5, rows), layer).equal(whole[1].narrow(0, 5, rows)));
    }
    EXPECT(svg::layer_product(x[0][11], layer).equal(whole[0][11]));
    EXPECT(svg::gated_product(x[2].narrow(0, 9, 101), layer, up).equal(gated[2].narrow(0, 9, 101)));
  }
  at::set_num_threads(threads);
}

TEST_CASE("layer product: rows apart, columns of a larger map and parts of weights are read where they lie") {
  c10::NoGradGuard no_grad;
  const LayerTensors both = drawn(60, 200, true);
  const LayerTensors second = {both.weight.narrow(0, 100, 100), both.bias.narrow(0, 100, 100)};
  const LayerTensors left = {drawn(90, 100, false).weight.narrow(1, 7, 60), at::Tensor()};
  const at::Tensor all = at::randn({64, 150}), part = all.narrow(1, 31, 60);
  const at::Tensor turned = at::randn({60, 64}).t();
  EXPECT(svg::layer_product(part, second).equal(svg::layer_product(part.contiguous(), both).narrow(1, 100, 100)));
  EXPECT(svg::layer_product(turned, left)
             .equal(svg::layer_product(turned.contiguous(), {left.weight.contiguous(), at::Tensor()})));
}

TEST_CASE("layer product: what is not finite stays in its row") {
  c10::NoGradGuard no_grad;
  const LayerTensors layer = drawn(50, 40, true), up = drawn(50, 40, true);
  const at::Tensor x = at::randn({40, 50});
  const at::Tensor wanted = svg::gated_product(x, layer, up);
  x[7].fill_(std::numeric_limits<float>::quiet_NaN());
  const at::Tensor got = svg::gated_product(x, layer, up);
  EXPECT(got[7].isnan().all().item<bool>());
  EXPECT(got.narrow(0, 0, 7).equal(wanted.narrow(0, 0, 7)) && got.narrow(0, 8, 32).equal(wanted.narrow(0, 8, 32)));
}

TEST_CASE("layer product: what is trained and other types are ATen's, bit for bit, with their gradients") {
  const auto same = [](const at::Tensor& x, const LayerTensors& layer) {
    return svg::layer_product(x, layer).equal(at::linear(x, layer.weight, layer.bias));
  };
  LayerTensors layer = drawn(300, 70, true);
  EXPECT(same(at::randn({0, 300}), layer));
  const at::Tensor x = at::randn({64, 300});
  EXPECT(same(x.to(at::kBFloat16), {layer.weight.to(at::kBFloat16), layer.bias.to(at::kBFloat16)}));
  EXPECT(same(x.to(at::kDouble), wide(layer)));
  layer.weight.requires_grad_(true);
  EXPECT(same(x, layer));
  const at::Tensor sum = at::randn({64, 70}), scale = at::randn({70});
  svg::added_product(sum, x, layer, scale).sum().backward();
  const at::Tensor wanted = at::outer(scale, x.sum(0));
  EXPECT_CLOSE(distance(layer.weight.grad(), wanted.to(at::kDouble)), 0, 1e-5);
  layer.weight.mutable_grad().reset();
  svg::gated_product(x, layer, drawn(300, 70, true)).sum().backward();
  EXPECT(layer.weight.grad().defined());
}

TEST_CASE("layer product: what ATen spreads over rows or outputs is ATen's") {
  c10::NoGradGuard no_grad;
  const LayerTensors layer = drawn(20, 30, true), one = {layer.weight, at::ones({1})};
  const at::Tensor x = at::randn({1, 5, 20}), sum = at::randn({5, 1, 30}), scale = at::randn({1});
  EXPECT_CLOSE(distance(svg::layer_product(x, one), svg::layer_product_reference(x.to(at::kDouble), wide(one))), 0,
               2e-6);
  const at::Tensor part = svg::layer_product_reference(x.to(at::kDouble), wide(layer));
  const at::Tensor got = svg::added_product(sum, x, layer, scale);
  EXPECT(got.sizes().equals({5, 5, 30}));
  EXPECT_CLOSE(distance(got, sum.to(at::kDouble) + part * scale.to(at::kDouble)), 0, 2e-6);
}

TEST_CASE("layer product: a layer takes it, and one of another form its own") {
  c10::NoGradGuard no_grad;
  const LayerTensors first = drawn(80, 48, true), second = drawn(80, 48, false);
  const svg::Linear layer(svg::plain_matrix(first.weight), first.bias), up(svg::plain_matrix(second.weight));
  const at::Tensor x = at::randn({2, 40, 80}), sum = at::randn({2, 40, 48}), scale = at::randn({48});
  EXPECT(layer(x).equal(svg::layer_product(x, first)));
  EXPECT(layer.gated(up, x).equal(svg::gated_product(x, first, second)));
  EXPECT(layer.added(sum, x, scale).equal(svg::added_product(sum, x, first, scale)));
  const svg::Linear half(svg::plain_matrix(first.weight.to(at::kBFloat16)), first.bias.to(at::kBFloat16));
  const at::Tensor half_x = x.to(at::kBFloat16);
  EXPECT(half.added(sum, half_x, scale).equal(at::addcmul(sum, half(half_x).to(at::kFloat), scale)));
}
