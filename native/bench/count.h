// What steps of the diffusion transformer have a GPU do, counted without one and without weights.
#pragma once

#include "core/json.h"
#include "models/next_dit/config.h"

namespace svg {

/// A picture of `cells` x `cells` with a prompt of `tokens`; the unconditional caption has one.
struct CountedLoad {
  int64_t cells = 16, tokens = 128;
};

/// One guided step, bf16 matrices, the captions prepared and the times of 50 steps known: {"ours", "plain":
/// json_of() of bench/count_launches.h, "leastFlops"}. Plain: prompt and unconditional caption padded to one batch,
/// nothing shared. The least is what models/work.h says from the dimensions.
Json count_sampling(const NextDitConfig& config, const CountedLoad& load);

/// The same of loss and gradients of one sample in training, nothing computed twice.
Json count_gradients(const NextDitConfig& config, const CountedLoad& load);

/// The same of all else in a training step, whatever its samples: gradients in fp32, clipping, AdamW, EMA, and the
/// weights in bf16. The least is 0.
Json count_update(const NextDitConfig& config);

}  // namespace svg
