#include "models/class_dit/work.h"

#include <algorithm>

namespace svg {

Work class_dit_work(const ClassDitConfig& config, const VelocityLoad& load) {
  const int64_t e = load.element_bytes, width = config.hidden_size, inner = config.attention_width();
  const int64_t hidden = config.mlp_hidden, copies = load.guided ? 2 : 1;
  const auto depth = static_cast<double>(config.depth);
  Work work;
  int64_t rows = 0, latent_bytes = 0;
  for (const PictureLoad& picture : load.pictures) {
    const int64_t tokens = picture.cells.rows * picture.cells.columns;
    rows += copies * tokens;
    latent_bytes += kFloatBytes * config.in_channels * tokens;
    work.attention({tokens, tokens, config.heads, config.heads, config.head_dim, depth * static_cast<double>(copies)});
  }
  const int64_t batch = copies * static_cast<int64_t>(load.pictures.size());
  work.product(rows, config.in_channels, width);
  work.product(rows, width, 3 * inner, depth);
  work.product(rows, inner, width, depth);
  work.product(rows, width, hidden, (config.swiglu ? 2 : 1) * depth);
  work.product(rows, hidden, width, depth);
  work.product(batch, width, 6 * width, depth);
  work.product(rows, width, config.out_channels());
  // Norm, scale, shift and cast twice; cast, gate and sum twice; norms of heads in fp32; the activation.
  const int64_t norms = 2 * width * (6 * kFloatBytes + kFloatBytes + e);
  const int64_t sums = 2 * width * (6 * kFloatBytes + e);
  const int64_t heads = config.qk_norm ? 2 * inner * 2 * (e + kFloatBytes) : 0;
  const int64_t activation = (config.swiglu ? 3 : 2) * e * hidden;
  work.pass(depth * static_cast<double>(rows * (norms + sums + heads + activation)), 16 * depth);
  const int64_t stream = kFloatBytes * width;
  const int64_t attending = 2 * stream + e * (width + 3 * inner + 2 * inner + 2 * inner);
  const int64_t feeding = 3 * stream + e * (2 * width + (config.swiglu ? 3 : 2) * hidden);
  constexpr int64_t kSolverCopies = 6;
  work.hold(rows * std::max(attending, feeding) + kSolverCopies * latent_bytes);
  return work;
}

TrainingMemory class_dit_training_memory(const ClassDitConfig& config, const VelocityLoad& load) {
  const int64_t e = load.element_bytes, width = config.hidden_size, inner = config.attention_width();
  int64_t rows = 0;
  for (const PictureLoad& picture : load.pictures) rows += picture.cells.rows * picture.cells.columns;
  // The sum before both halves, twice normed, and what each half adds to it; attention in fp32, as on a CPU.
  const int64_t sums = 6 * kFloatBytes * width + 2 * e * width;
  const int64_t heads = 4 * (e + kFloatBytes) * inner;
  const int64_t feeding = (config.swiglu ? 3 : 2) * e * config.mlp_hidden;
  TrainingMemory memory;
  for (int64_t i = 0; i < config.depth; ++i) {
    memory.blocks.push_back(
        {"blocks." + std::to_string(i), rows * (sums + heads + feeding), rows * kFloatBytes * width});
  }
  constexpr int64_t kLatents = 6;
  memory.rest = rows * ((e + kLatents * kFloatBytes) * config.in_channels + (2 * kFloatBytes + e) * width);
  return memory;
}

}  // namespace svg
