// Guided velocities while sampling. What steps and rows share is computed once: refined captions once per
// prompt, adaLN of all steps at once, the image's embedding once for the conditional and unconditional row.
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <vector>

#include "diffusion/guidance.h"
#include "models/next_dit/next_dit.h"

namespace svg {

/// One picture of a batch: prompts as encoded by NextDit::encode_caption, and the latent's size.
struct GuidedItem {
  at::Tensor conditional;    // (L, dim)
  at::Tensor unconditional;  // (L', dim)
  int64_t latent_rows = 0, latent_columns = 0;
};

class GuidedSampler {
 public:
  /// Keeps a reference to the model.
  GuidedSampler(const NextDit& model, std::vector<GuidedItem> items, const Guidance& guidance);

  /// Announces the times to come, so that their adaLN is computed together. Optional.
  void plan_times(std::vector<double> times);
  /// Computes the adaLN of the planned times from t on, as the first velocity at t would.
  void prepare(double t) { modulation_at(t); }

  /// Velocity of every picture at time t, (C, H, W) fp32 each. Call under a no-grad guard.
  std::vector<at::Tensor> velocity(const std::vector<at::Tensor>& latents, double t);

 private:
  /// Packed rows of the conditional sequences, or of these and the unconditional ones.
  struct Layout {
    std::vector<at::Tensor> captions;
    Packing sequences;
    RowSubset images;
  };

  Layout make_layout(bool with_unconditional) const;
  ModulationTable modulation_at(double t);

  const NextDit& model_;
  std::vector<GuidedItem> items_;
  Guidance guidance_;
  std::vector<TokenGrid> grids_;
  Packing image_packing_;
  std::optional<Layout> guided_, conditional_;  // made when first needed
  std::vector<double> times_;
  int64_t table_start_ = 0;  // index in times_ of the table's first row
  std::optional<ModulationTable> table_;
};

}  // namespace svg
