#include "models/next_dit/work.h"

namespace svg {
namespace {

constexpr int64_t kPlannedTimes = 64;  // whose modulation is computed together (guided.cpp)

/// Rows that attend to each other.
struct DitSequence {
  int64_t queries = 0, keys = 0;
};

/// Widths of a block, in channels.
struct DitWidths {
  int64_t q, kv, qkv;

  explicit DitWidths(const NextDitConfig& config)
      : q(config.heads * config.head_dim()), kv(config.kv_heads * config.head_dim()), qkv(q + 2 * kv) {}
};

int64_t dit_tokens(const NextDitConfig& config, const Cells& cells) {
  return cells.rows * cells.columns / (config.patch_size * config.patch_size);
}

void dit_attention_work(Work& work, const NextDitConfig& config, const std::vector<DitSequence>& sequences,
                        double times) {
  for (const DitSequence& one : sequences) {
    work.attention({one.queries, one.keys, config.heads, config.kv_heads, config.head_dim(), times});
  }
}

/// Of the part behind attention, and what the norms around it read and write.
void dit_feed_forward_work(Work& work, const NextDitConfig& config, int64_t rows, double times, int64_t element_bytes) {
  const DitWidths widths(config);
  work.product(rows, widths.q, config.dim, times);
  work.product(rows, config.dim, config.ffn_dim, 2 * times);
  work.product(rows, config.ffn_dim, config.dim, times);
  const int64_t norms = 2 * (kFloatBytes + element_bytes) * config.dim;
  const int64_t sums = 2 * (2 * kFloatBytes + element_bytes) * config.dim;
  const int64_t gate = 3 * element_bytes * config.ffn_dim;
  work.pass(times * static_cast<double>(rows * (norms + sums + gate)), 5 * times);
}

void dit_blocks_work(Work& work, const NextDitConfig& config, int64_t rows, const std::vector<DitSequence>& sequences,
                     double times, int64_t element_bytes) {
  const DitWidths widths(config);
  work.product(rows, config.dim, widths.qkv, times);
  dit_attention_work(work, config, sequences, times);
  work.pass(times * static_cast<double>(rows * 2 * element_bytes * (widths.q + widths.kv)), 2 * times);
  dit_feed_forward_work(work, config, rows, times, element_bytes);
}

/// Bytes of a row at the end of a block, where its first half is still there: block.cpp.
int64_t dit_row_bytes(const NextDitConfig& config, int64_t element_bytes) {
  const DitWidths widths(config);
  const int64_t first = config.dim + widths.qkv + widths.q + widths.kv + widths.q;
  const int64_t second = 2 * config.dim + 3 * config.ffn_dim;
  return element_bytes * (first + second) + 3 * kFloatBytes * config.dim;
}

}  // namespace

Work next_dit_work(const NextDitConfig& config, const VelocityLoad& load) {
  const int64_t e = load.element_bytes, dim = config.dim;
  std::vector<DitSequence> images, all, last;
  int64_t image_rows = 0, all_rows = 0, last_rows = 0, latent_bytes = 0;
  for (const PictureLoad& picture : load.pictures) {
    const int64_t tokens = dit_tokens(config, picture.cells);
    latent_bytes += kFloatBytes * config.in_channels * picture.cells.rows * picture.cells.columns;
    images.push_back({tokens, tokens});
    image_rows += tokens;
    const auto sequence = [&](int64_t caption) {
      all.push_back({tokens + caption, tokens + caption});
      last.push_back({tokens, tokens + caption});
      all_rows += tokens + caption;
      last_rows += tokens;
    };
    sequence(picture.tokens);
    if (load.guided) sequence(picture.unconditional_tokens);
  }
  Work work;
  work.product(image_rows, config.patch_dim(), dim);
  dit_blocks_work(work, config, image_rows, images, static_cast<double>(config.refiner_layers), e);
  dit_blocks_work(work, config, all_rows, all, static_cast<double>(config.layers - 1), e);
  const DitWidths widths(config);
  work.product(last_rows, dim, widths.q);
  work.product(all_rows, dim, 2 * widths.kv);
  dit_attention_work(work, config, last, 1);
  dit_feed_forward_work(work, config, last_rows, 1, e);
  work.product(last_rows, dim, config.patch_dim());
  // Of many steps at once: the share of one.
  work.product(kPlannedTimes, config.adaln_dim(), 4 * dim,
               static_cast<double>(config.layers + config.refiner_layers) / kPlannedTimes);
  const int64_t table = kFloatBytes * kPlannedTimes * 4 * dim * (config.layers + config.refiner_layers);
  const int64_t streams = kFloatBytes * dim * (2 * all_rows + image_rows);
  constexpr int64_t kSolverCopies = 6;  // state, velocity, prediction and what a multistep solver remembers
  // The inputs of this step and of the one before, and what the layers added.
  const int64_t cache = load.step_cache ? kFloatBytes * dim * (2 * all_rows + last_rows) : 0;
  work.hold(table + streams + all_rows * dit_row_bytes(config, e) + kSolverCopies * latent_bytes + cache);
  return work;
}

Work next_dit_caption_work(const NextDitConfig& config, int64_t tokens, int64_t element_bytes) {
  Work work;
  work.product(tokens, config.caption_dim, config.dim);
  dit_blocks_work(work, config, tokens, {{tokens, tokens}}, static_cast<double>(config.refiner_layers), element_bytes);
  work.hold(tokens * (dit_row_bytes(config, element_bytes) + 2 * kFloatBytes * config.dim));
  return work;
}

}  // namespace svg
