// A 3x3 convolution by Winograd's algorithm in tiles of 4x4 on the CPU: four times fewer products, in fp32. The steps
// around its products. Source: arXiv 1509.09308, with the points 0, +-3/4, +-3/2: rounding errors half of those of the
// usual 0, +-1, +-2 (arXiv 1803.10986).
#pragma once

#include <cstdint>

namespace svg::cpu {

inline constexpr int64_t kWinogradTile = 4;                   // pixels of output a side
inline constexpr int64_t kWinogradPatch = kWinogradTile + 2;  // pixels of input a side
inline constexpr int64_t kWinogradPoints = kWinogradPatch * kWinogradPatch;
inline constexpr int64_t kWinogradLanes = 16;  // channels are a multiple of it, in and out

/// What is convolved: one image, its pixels as rows of channels, zeros around it.
struct WinogradImage {
  const float* pixels;
  int64_t rows, columns, channels;
  bool doubled;  // every pixel stands for 2x2
  /// Where mean is given, a pixel is silu((x - mean) * scale + bias), each (channels).
  const float *mean, *scale, *bias;

  int64_t height() const { return doubled ? 2 * rows : rows; }
  int64_t width() const { return doubled ? 2 * columns : columns; }
};

/// A block of tiles of the output, counted in tiles.
struct WinogradBlock {
  int64_t row, column, rows, columns;

  int64_t tiles() const { return rows * columns; }
  /// Values of the pixels under it, for each channel.
  int64_t pixels() const { return (kWinogradTile * rows + 2) * (kWinogradTile * columns + 2); }
};

/// weight (out, in, 3, 3) -> (points, in, out). On torch's own threads.
void winograd_weights(const float* weight, int64_t in, int64_t out, float* transformed);

/// transformed (points, tiles, channels) of a block; `pixels` is scratch, block.pixels() * channels.
void winograd_input(const WinogradImage& image, const WinogradBlock& block, float* pixels, float* transformed);

/// What becomes of the products: pixels (height, width, channels) = convolution + bias + residual.
struct WinogradOutput {
  float* pixels;
  int64_t height, width, channels;
  const float* bias;      // (channels)
  const float* residual;  // as pixels, which it may be; null: none
};

/// products (points, tiles, channels) of a block.
void winograd_output(const float* products, const WinogradBlock& block, const WinogradOutput& output);

}  // namespace svg::cpu
