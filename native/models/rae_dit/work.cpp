#include "models/rae_dit/work.h"

#include <algorithm>

namespace svg {
namespace {

/// Of all blocks of one part on so many rows; `modulated` rows have a modulation each.
void rae_part_work(Work& work, const RaeDitConfig& config, const RaeDitPart& part, int64_t rows, int64_t modulated,
                   int64_t e) {
  const auto depth = static_cast<double>(part.depth);
  const int64_t width = part.width, hidden = part.mlp_hidden, parts = config.shift ? 6 : 4;
  work.product(rows, width, 3 * width, depth);
  work.product(rows, width, width, depth);
  work.product(modulated, width, parts * width, depth);
  work.product(rows, width, config.swiglu ? 2 * hidden : hidden, depth);
  work.product(rows, hidden, width, depth);
  const int64_t norms = 2 * width * (6 * kFloatBytes + kFloatBytes + e), sums = 2 * width * (4 * kFloatBytes + e);
  const int64_t heads = 4 * e * width, activation = 3 * e * hidden;
  const int64_t modulation = modulated * parts * width * (2 * e + kFloatBytes);
  work.pass(depth * static_cast<double>(rows * (norms + sums + heads + activation) + modulation), 18 * depth);
  const int64_t stream = kFloatBytes * width;
  const int64_t attending = 2 * stream + e * (width + 3 * width + 4 * width);
  const int64_t feeding = 3 * stream + e * (3 * width + 3 * hidden);
  work.hold(rows * std::max(attending, feeding) + modulated * (stream + parts * width * (kFloatBytes + e)));
}

}  // namespace

Work rae_dit_work(const RaeDitConfig& config, const VelocityLoad& load) {
  const int64_t e = load.element_bytes, copies = load.guided ? 2 : 1;
  const int64_t deep = config.deep.width, head = config.head.width;
  Work work;
  int64_t rows = 0, latent_bytes = 0;
  for (const PictureLoad& picture : load.pictures) {
    const int64_t tokens = picture.cells.rows * picture.cells.columns;
    rows += copies * tokens;
    latent_bytes += kFloatBytes * config.channels * tokens;
    for (const RaeDitPart& part : {config.deep, config.head}) {
      const auto times = static_cast<double>(copies * part.depth);
      work.attention({tokens, tokens, part.num_heads, part.num_heads, part.head_dim(), times});
    }
  }
  const int64_t batch = copies * static_cast<int64_t>(load.pictures.size());
  work.product(rows, config.channels, deep);
  work.product(rows, config.channels, head);
  if (deep != head) work.product(rows, deep, head);
  rae_part_work(work, config, config.deep, rows, batch, e);
  rae_part_work(work, config, config.head, rows, rows, e);
  work.product(rows, head, 2 * head);
  work.product(rows, head, config.channels);
  // The deep part's output waits while the head runs.
  constexpr int64_t kSolverCopies = 6;
  work.hold(work.peak_bytes + rows * kFloatBytes * head + kSolverCopies * latent_bytes);
  return work;
}

}  // namespace svg
