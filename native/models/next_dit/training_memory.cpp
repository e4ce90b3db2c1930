#include "models/next_dit/work.h"

namespace svg {
namespace {

/// Bytes that the parts of a block keep a row (block.cpp): of those that attention sees as keys, and of those that go
/// on.
struct SavedRows {
  int64_t keys, queries, whole;

  SavedRows(const NextDitConfig& config, int64_t e) {
    const int64_t q = config.heads * config.head_dim(), kv = config.kv_heads * config.head_dim();
    // Attention is counted in fp32, in which a CPU computes its gradients.
    keys = kFloatBytes * (config.dim + 2 * kv) + e * (config.dim + 2 * kv);
    const int64_t attended = e * q + kFloatBytes * 2 * q + (e < kFloatBytes ? e * q : 0);
    const int64_t fed = kFloatBytes * config.dim + e * (3 * config.dim + 3 * config.ffn_dim);
    queries = attended + fed;
    whole = keys + queries;
  }
};

}  // namespace

TrainingMemory next_dit_training_memory(const NextDitConfig& config, const VelocityLoad& load) {
  const int64_t e = load.element_bytes, dim = config.dim;
  int64_t image_rows = 0, caption_rows = 0;
  for (const PictureLoad& picture : load.pictures) {
    image_rows += picture.cells.rows * picture.cells.columns / (config.patch_size * config.patch_size);
    caption_rows += picture.tokens;
  }
  const int64_t rows = image_rows + caption_rows;
  const SavedRows saved(config, e);
  TrainingMemory memory;
  const auto add = [&](const std::string& list, int64_t i, int64_t kept, int64_t in) {
    memory.blocks.push_back({list + "." + std::to_string(i), kept, kFloatBytes * dim * in});
  };
  for (int64_t i = 0; i < config.refiner_layers; ++i) add("noise_refiner", i, saved.whole * image_rows, image_rows);
  for (int64_t i = 0; i < config.refiner_layers; ++i) {
    add("context_refiner", i, saved.whole * caption_rows, caption_rows);
  }
  for (int64_t i = 0; i + 1 < config.layers; ++i) add("layers", i, saved.whole * rows, rows);
  // Of the last one the image's rows alone are asked for.
  add("layers", config.layers - 1, saved.keys * rows + (saved.queries + e * dim) * image_rows, rows);
  constexpr int64_t kLatents = 6;                        // noisy, noise, data, velocity, difference and its square
  constexpr int64_t kFinal = 3;                          // of the final layer: what it norms, normed, and its scale
  const int64_t rope = kFloatBytes * config.head_dim();  // of all rows, and again of the parts that blocks run on
  memory.rest = image_rows * ((e + kLatents * kFloatBytes) * config.patch_dim() + (kFinal * kFloatBytes + e) * dim) +
                caption_rows * (2 * kFloatBytes + e) * config.caption_dim + rope * (2 * rows + image_rows);
  return memory;
}

}  // namespace svg
