#include "ops/conv3x3.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>

#include "kernels/winograd.h"
#include "ops/fused.h"
#include "ops/group_norm.h"

namespace svg {
namespace {

using cpu::kWinogradPoints, cpu::kWinogradTile, cpu::WinogradBlock, cpu::WinogradImage, cpu::WinogradOutput;

/// Transforming the weights must pay, and every thread have a block that does.
constexpr int64_t kLeastTiles = 64, kLeastTilesOfThread = 16;

int64_t winograd_tiles(int64_t pixels) { return (pixels + kWinogradTile - 1) / kWinogradTile; }

/// Whether conv of a map (B, C, height, width), already doubled, goes through Winograd's algorithm.
bool fits_winograd(const Conv2d& conv, const at::Tensor& x, bool doubled) {
  if (!x.is_cpu() || x.dim() != 4 || x.scalar_type() != at::kFloat || conv.dtype() != at::kFloat) return false;
  if (!x.is_contiguous(at::MemoryFormat::ChannelsLast) || records_grad({x, conv.weight, conv.bias})) return false;
  const auto lanes = [](int64_t channels) { return channels > 0 && channels % cpu::kWinogradLanes == 0; };
  const bool kernel = conv.weight.size(2) == 3 && conv.weight.size(3) == 3 && conv.stride == 1 && conv.padding == 1;
  if (!kernel || !lanes(conv.weight.size(0)) || !lanes(x.size(1)) || !fits_parameter(conv.bias)) return false;
  const int64_t scale = doubled ? 2 : 1;
  // Of one image: a picture gets the same bits alone and in a batch.
  const int64_t tiles = winograd_tiles(scale * x.size(2)) * winograd_tiles(scale * x.size(3));
  return tiles >= std::max<int64_t>(kLeastTiles, kLeastTilesOfThread * at::get_num_threads());
}

/// The largest blocks of tiles that leave every thread two: a block's transforms ought to stay in the cache.
WinogradBlock block_of_tiles(int64_t rows, int64_t columns) {
  for (const std::array<int64_t, 2> sides : {std::array<int64_t, 2>{8, 8}, {8, 4}}) {
    const int64_t blocks = ((rows + sides[0] - 1) / sides[0]) * ((columns + sides[1] - 1) / sides[1]);
    if (blocks >= 2 * at::get_num_threads()) return {0, 0, std::min(rows, sides[0]), std::min(columns, sides[1])};
  }
  return {0, 0, std::min<int64_t>(rows, 4), std::min<int64_t>(columns, 4)};
}

/// One image; weights (points, in, out).
void winograd_image(const WinogradImage& image, const at::Tensor& weights, const WinogradOutput& output) {
  const int64_t rows = winograd_tiles(image.height()), columns = winograd_tiles(image.width());
  const WinogradBlock most = block_of_tiles(rows, columns);
  const int64_t down = (rows + most.rows - 1) / most.rows, across = (columns + most.columns - 1) / most.columns;
  cpu::parallel_rows(down * across, 1, [&](int64_t begin, int64_t end) {
    const auto scratch = [&](int64_t values) { return at::empty({values}, weights.options()); };
    const at::Tensor pixels = scratch(most.pixels() * image.channels);
    const at::Tensor transformed = scratch(kWinogradPoints * most.tiles() * image.channels);
    const at::Tensor products = scratch(kWinogradPoints * most.tiles() * output.channels);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / across * most.rows, column = i % across * most.columns;
      const WinogradBlock block = {row, column, std::min(most.rows, rows - row),
                                   std::min(most.columns, columns - column)};
      const auto points_of = [&](const at::Tensor& memory, int64_t channels) {
        return memory.narrow(0, 0, kWinogradPoints * block.tiles() * channels)
            .view({kWinogradPoints, block.tiles(), channels});
      };
      const at::Tensor in = points_of(transformed, image.channels);
      at::Tensor out = points_of(products, output.channels);
      cpu::winograd_input(image, block, pixels.data_ptr<float>(), in.data_ptr<float>());
      at::bmm_out(out, in, weights);
      cpu::winograd_output(out.const_data_ptr<float>(), block, output);
    }
  });
}

/// conv(x), or where `norm` is given conv(silu(norm(x))), plus residual.
at::Tensor winograd(const Conv2d& conv, const at::Tensor& x, bool doubled, const GroupNorm* norm = nullptr,
                    const at::Tensor& residual = {}) {
  const int64_t in = x.size(1), out = conv.weight.size(0), scale = doubled ? 2 : 1;
  const at::Tensor weights = at::empty({kWinogradPoints, in, out}, at::kFloat);
  cpu::winograd_weights(conv.weight.contiguous().const_data_ptr<float>(), in, out, weights.data_ptr<float>());
  const at::Tensor bias = conv.bias.defined() ? conv.bias : at::zeros({out}, at::kFloat);
  const at::Tensor added = residual.defined() ? residual.contiguous(at::MemoryFormat::ChannelsLast) : residual;
  const at::Tensor result = at::empty({x.size(0), out, scale * x.size(2), scale * x.size(3)}, at::kFloat, std::nullopt,
                                      std::nullopt, std::nullopt, at::MemoryFormat::ChannelsLast);
  for (int64_t b = 0; b < x.size(0); ++b) {
    WinogradImage image = {x[b].const_data_ptr<float>(), x.size(2), x.size(3), in, doubled, nullptr, nullptr, nullptr};
    ChannelNorm channels;
    if (norm) {
      channels = norm_of_channels(*norm, x[b]);
      image.mean = channels.mean.const_data_ptr<float>();
      image.scale = channels.scale.const_data_ptr<float>();
      image.bias = norm->bias.const_data_ptr<float>();
    }
    winograd_image(image, weights,
                   {result[b].data_ptr<float>(), result.size(2), result.size(3), out, bias.const_data_ptr<float>(),
                    added.defined() ? added[b].const_data_ptr<float>() : nullptr});
  }
  return result;
}

at::Tensor with_residual(const at::Tensor& convolved, const at::Tensor& residual) {
  return residual.defined() ? residual + convolved : convolved;
}

}  // namespace

at::Tensor norm_silu_conv3x3_reference(const GroupNorm& norm, const at::Tensor& x, const Conv2d& conv,
                                       const at::Tensor& residual) {
  return with_residual(conv(group_norm_silu_reference(norm, x)), residual);
}

at::Tensor norm_silu_conv3x3(const GroupNorm& norm, at::Tensor x, const Conv2d& conv, const at::Tensor& residual) {
  const bool fused = fits_winograd(conv, x, false) && fits_parameter(norm.weight) && fits_parameter(norm.bias) &&
                     !records_grad({norm.weight, norm.bias, residual});
  if (fused) return winograd(conv, x, false, &norm, residual);
  x = group_norm_silu(norm, x);
  x = conv(x);
  return with_residual(x, residual);
}

at::Tensor conv3x3(const Conv2d& conv, const at::Tensor& x) {
  return fits_winograd(conv, x, false) ? winograd(conv, x, false) : conv(x);
}

at::Tensor doubled_conv3x3_reference(const Conv2d& conv, const at::Tensor& x) {
  return conv(at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)}));
}

at::Tensor doubled_conv3x3(const Conv2d& conv, const at::Tensor& x) {
  return fits_winograd(conv, x, true) ? winograd(conv, x, true) : doubled_conv3x3_reference(conv, x);
}

}  // namespace svg
