#include "models/decoders/work.h"

#include <algorithm>

namespace svg {
namespace {

/// The blocks of a convolutional decoder at the size that its map has by now.
class DecoderWork {
 public:
  DecoderWork(const Cells& cells, int64_t element_bytes) : cells_(cells), e_(element_bytes) {}

  void conv(int64_t in, int64_t out, int64_t kernel, double times = 1) {
    work_.convolution({cells_.rows, cells_.columns, in, out, kernel, times});
    hold(in + out);
  }

  /// DecoderResBlock: norm, convolution, norm, convolution, sum.
  void block(int64_t in, int64_t out) {
    conv(in, out, 3);
    conv(out, out, 3);
    if (in != out) conv(in, out, 1);
    pass(3 * in + 3 * out + 3 * out, 3);
    hold(in + std::max(in + out, (in != out ? 3 : 2) * out));
  }

  void attention(int64_t channels) {
    const int64_t tokens = positions();
    conv(channels, channels, 1, 4);
    work_.attention({tokens, tokens, 1, 1, channels, 1});
    pass(6 * channels, 2);
    hold(6 * channels);
  }

  /// The nearest of twice the size, and a convolution there.
  void doubled(int64_t channels) {
    const int64_t before = positions() * channels;
    double_size();
    conv(channels, channels, 3);
    pass(2 * channels, 1);
    work_.hold(e_ * (before + 2 * positions() * channels));
  }

  /// Four times the channels, moved to space (hunyuan.cpp).
  void moved_to_space(int64_t in, int64_t out) {
    conv(in, 4 * out, 3);
    pass(12 * out + 8 * out, 4);
    hold(in + 3 * 4 * out);
    double_size();
  }

  /// The last norm and convolution, and the picture in fp32 as it is cast, checked and rounded.
  void picture(int64_t channels) {
    conv(channels, 3, 3);
    pass(3 * channels, 1);
    hold(2 * channels);
    work_.hold(positions() * (e_ * (2 * channels + 3) + 2 * 3 * kFloatBytes));
  }

  const Work& work() const { return work_; }

 private:
  int64_t positions() const { return cells_.rows * cells_.columns; }
  void double_size() { cells_ = {2 * cells_.rows, 2 * cells_.columns}; }
  void pass(int64_t channels, double count) { work_.pass(static_cast<double>(e_ * channels * positions()), count); }
  void hold(int64_t channels) { work_.hold(e_ * channels * positions()); }

  Cells cells_;
  int64_t e_;
  Work work_;
};

}  // namespace

Work conv_decoder_work(const ConvDecoderConfig& config, const Cells& cells, int64_t element_bytes) {
  DecoderWork work(cells, element_bytes);
  int64_t in = config.width(config.levels() - 1);
  work.conv(config.z_channels, in, 3);
  work.block(in, in);
  work.attention(in);
  work.block(in, in);
  for (int64_t level = config.levels() - 1; level >= 0; --level) {
    const int64_t out = config.width(level);
    for (int64_t i = 0; i <= config.num_res_blocks; ++i) {
      work.block(in, out);
      in = out;
      if (config.attends(level)) work.attention(out);
    }
    if (level > 0) work.doubled(out);
  }
  work.picture(in);
  return work.work();
}

Work hunyuan_decoder_work(const HunyuanDecoderConfig& config, const Cells& cells, int64_t element_bytes) {
  DecoderWork work(cells, element_bytes);
  int64_t in = config.width(0);
  work.conv(config.z_channels, in, 3);
  work.block(in, in);
  work.attention(in);
  work.block(in, in);
  for (int64_t level = 0; level < config.levels(); ++level) {
    for (int64_t i = 0; i <= config.num_res_blocks; ++i) {
      work.block(in, config.width(level));
      in = config.width(level);
    }
    if (!config.doubles(level)) continue;
    work.moved_to_space(in, config.width_after(level));
    in = config.width_after(level);
  }
  work.picture(in);
  return work.work();
}

Work rae_decoder_work(const RaeDecoderConfig& config, const Cells& cells, int64_t element_bytes) {
  const int64_t e = element_bytes, width = config.width, hidden = config.mlp_hidden;
  const int64_t rows = 1 + cells.rows * cells.columns, pixels = 3 * config.patch_size * config.patch_size;
  const auto depth = static_cast<double>(config.depth);
  Work work;
  work.product(rows, config.latent_channels, width);
  work.product(rows, width, width, 4 * depth);
  work.product(rows, width, hidden, depth);
  work.product(rows, hidden, width, depth);
  work.product(rows, width, pixels);
  work.attention({rows, rows, config.num_heads, config.num_heads, width / config.num_heads, depth});
  const int64_t norms = 2 * width * (3 * kFloatBytes + e), sums = 2 * width * (4 * kFloatBytes + e);
  work.pass(depth * static_cast<double>(rows * (norms + sums + 2 * e * hidden)), 9 * depth);
  work.hold(rows * (2 * kFloatBytes * width + e * std::max(5 * width, width + 2 * hidden)));
  work.hold(rows * kFloatBytes * (2 * width + 4 * pixels));
  return work;
}

}  // namespace svg
