#include "plain/plain_inception.h"

#include <string>
#include <vector>

namespace svg {
namespace {

constexpr int64_t kInceptionSide = 299;
constexpr double kPlainNormEps = 1e-3;

/// Asks for the parameters by name as it goes; finding one is a look-up.
struct PlainInception {
  const Weights& weights;

  at::Tensor conv(const at::Tensor& x, const std::string& name, int64_t out, int64_t rows, int64_t columns,
                  int64_t stride = 1, bool padded = true) const {
    const Weights own = weights.scope(name);
    const bool same = padded && stride == 1;
    const at::Tensor y = at::conv2d(x, own.get("conv.weight", {out, x.size(1), rows, columns}), {}, {stride, stride},
                                    {same ? rows / 2 : 0, same ? columns / 2 : 0});
    const auto of_norm = [&](const char* parameter) {
      return own.scope("bn").get(parameter, {out}, Init::zeros(), Role::kBuffer);
    };
    at::Tensor normed =
        at::batch_norm(y, of_norm("weight"), of_norm("bias"), of_norm("running_mean"), of_norm("running_var"),
                       /*training=*/false, /*momentum=*/0.1, kPlainNormEps, /*cudnn_enabled=*/true);
    return at::relu_(normed);
  }

  static at::Tensor mean_pool(const at::Tensor& x) {
    return at::avg_pool2d(x, {3, 3}, {1, 1}, {1, 1}, /*ceil_mode=*/false, /*count_include_pad=*/false);
  }

  at::Tensor block_35(const at::Tensor& x, const std::string& name, int64_t pool_out) const {
    const std::string part = name + ".";
    const at::Tensor one = conv(x, part + "branch1x1", 64, 1, 1);
    const at::Tensor five = conv(conv(x, part + "branch5x5_1", 48, 1, 1), part + "branch5x5_2", 64, 5, 5);
    at::Tensor three = conv(conv(x, part + "branch3x3dbl_1", 64, 1, 1), part + "branch3x3dbl_2", 96, 3, 3);
    three = conv(three, part + "branch3x3dbl_3", 96, 3, 3);
    return at::cat({one, five, three, conv(mean_pool(x), part + "branch_pool", pool_out, 1, 1)}, 1);
  }

  at::Tensor block_17(const at::Tensor& x, const std::string& name, int64_t narrow) const {
    const std::string part = name + ".";
    const at::Tensor one = conv(x, part + "branch1x1", 192, 1, 1);
    at::Tensor seven = conv(conv(x, part + "branch7x7_1", narrow, 1, 1), part + "branch7x7_2", narrow, 1, 7);
    seven = conv(seven, part + "branch7x7_3", 192, 7, 1);
    at::Tensor twice = conv(conv(x, part + "branch7x7dbl_1", narrow, 1, 1), part + "branch7x7dbl_2", narrow, 7, 1);
    twice = conv(conv(twice, part + "branch7x7dbl_3", narrow, 1, 7), part + "branch7x7dbl_4", narrow, 7, 1);
    twice = conv(twice, part + "branch7x7dbl_5", 192, 1, 7);
    return at::cat({one, seven, twice, conv(mean_pool(x), part + "branch_pool", 192, 1, 1)}, 1);
  }

  at::Tensor block_8(const at::Tensor& x, const std::string& name, bool with_max) const {
    const std::string part = name + ".";
    const at::Tensor one = conv(x, part + "branch1x1", 320, 1, 1);
    const at::Tensor narrow = conv(x, part + "branch3x3_1", 384, 1, 1);
    const at::Tensor three =
        at::cat({conv(narrow, part + "branch3x3_2a", 384, 1, 3), conv(narrow, part + "branch3x3_2b", 384, 3, 1)}, 1);
    const at::Tensor wide = conv(conv(x, part + "branch3x3dbl_1", 448, 1, 1), part + "branch3x3dbl_2", 384, 3, 3);
    const at::Tensor twice =
        at::cat({conv(wide, part + "branch3x3dbl_3a", 384, 1, 3), conv(wide, part + "branch3x3dbl_3b", 384, 3, 1)}, 1);
    const at::Tensor pooled = with_max ? at::max_pool2d(x, {3, 3}, {1, 1}, {1, 1}) : mean_pool(x);
    return at::cat({one, three, twice, conv(pooled, part + "branch_pool", 192, 1, 1)}, 1);
  }
};

struct GridPlaces {
  at::Tensor lower, upper, weight;
};

GridPlaces grid_places(int64_t in, at::Device device) {
  const at::Tensor source =
      at::arange(kInceptionSide, at::kFloat) * (static_cast<float>(in) / static_cast<float>(kInceptionSide));
  const at::Tensor lower = source.floor().to(at::kLong);
  return {lower.to(device), (lower + 1).clamp_max(in - 1).to(device), (source - lower.to(at::kFloat)).to(device)};
}

/// The four neighbours of each pixel, gathered and weighed.
at::Tensor resized(const at::Tensor& x) {
  const GridPlaces rows = grid_places(x.size(2), x.device()), columns = grid_places(x.size(3), x.device());
  const auto pick = [&](const at::Tensor& row, const at::Tensor& column) {
    return x.index({at::indexing::Slice(), at::indexing::Slice(), row.unsqueeze(1), column.unsqueeze(0)});
  };
  const at::Tensor down = rows.weight.view({-1, 1}), right = columns.weight;
  const at::Tensor a = pick(rows.lower, columns.lower), b = pick(rows.lower, columns.upper);
  const at::Tensor c = pick(rows.upper, columns.lower), d = pick(rows.upper, columns.upper);
  const at::Tensor top = a + (b - a) * right, bottom = c + (d - c) * right;
  return top + (bottom - top) * down;
}

}  // namespace

at::Tensor plain_inception(const Weights& weights, const at::Tensor& pictures) {
  const PlainInception net{weights};
  at::Tensor x = (resized(pictures.to(at::kFloat)) - 128) / 128;
  x = net.conv(x, "Conv2d_1a_3x3", 32, 3, 3, 2);
  x = net.conv(x, "Conv2d_2a_3x3", 32, 3, 3, 1, false);
  x = net.conv(x, "Conv2d_2b_3x3", 64, 3, 3);
  x = at::max_pool2d(x, {3, 3}, {2, 2});
  x = net.conv(x, "Conv2d_3b_1x1", 80, 1, 1);
  x = net.conv(x, "Conv2d_4a_3x3", 192, 3, 3, 1, false);
  x = at::max_pool2d(x, {3, 3}, {2, 2});
  x = net.block_35(net.block_35(net.block_35(x, "Mixed_5b", 32), "Mixed_5c", 64), "Mixed_5d", 64);
  at::Tensor three = net.conv(x, "Mixed_6a.branch3x3", 384, 3, 3, 2);
  at::Tensor twice = net.conv(x, "Mixed_6a.branch3x3dbl_1", 64, 1, 1);
  twice = net.conv(net.conv(twice, "Mixed_6a.branch3x3dbl_2", 96, 3, 3), "Mixed_6a.branch3x3dbl_3", 96, 3, 3, 2);
  x = at::cat({three, twice, at::max_pool2d(x, {3, 3}, {2, 2})}, 1);
  x = net.block_17(net.block_17(x, "Mixed_6b", 128), "Mixed_6c", 160);
  x = net.block_17(net.block_17(x, "Mixed_6d", 160), "Mixed_6e", 192);
  three = net.conv(net.conv(x, "Mixed_7a.branch3x3_1", 192, 1, 1), "Mixed_7a.branch3x3_2", 320, 3, 3, 2);
  twice = net.conv(net.conv(x, "Mixed_7a.branch7x7x3_1", 192, 1, 1), "Mixed_7a.branch7x7x3_2", 192, 1, 7);
  twice = net.conv(net.conv(twice, "Mixed_7a.branch7x7x3_3", 192, 7, 1), "Mixed_7a.branch7x7x3_4", 192, 3, 3, 2);
  x = at::cat({three, twice, at::max_pool2d(x, {3, 3}, {2, 2})}, 1);
  x = net.block_8(net.block_8(x, "Mixed_7b", /*with_max=*/false), "Mixed_7c", /*with_max=*/true);
  return at::adaptive_avg_pool2d(x, {1, 1}).flatten(1);
}

}  // namespace svg
