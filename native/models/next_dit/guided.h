// Guided velocities while sampling. What steps and rows share is computed once: refined captions once per
// prompt, adaLN of all steps at once, the image's embedding once for the conditional and unconditional row.
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <vector>

#include "models/next_dit/next_dit.h"

namespace svg {

class NextDitGuided : public GuidedVelocity {
 public:
  /// Keeps a reference to the model. Conditions are captions as NextDit::encode_caption gives them, (L, dim).
  NextDitGuided(const NextDit& model, std::vector<GuidedItem> items, const Guidance& guidance);

  /// The adaLN of these times is computed together.
  void plan_times(std::vector<double> times) override;
  /// Computes the adaLN of the planned times from t on, as the first velocity at t would.
  void prepare(double t) { modulation_at(t); }

  std::vector<at::Tensor> velocity(const std::vector<at::Tensor>& latents, const SolverTime& when) override;

 private:
  /// Packed rows of the conditional sequences, or of these and the unconditional ones.
  struct Layout {
    std::vector<at::Tensor> captions;
    Packing sequences;
    RowSubset images;
  };

  Layout make_layout(const GuidanceNeeds& needs) const;
  ModulationTable modulation_at(double t);

  const NextDit& model_;
  std::vector<GuidedItem> items_;
  Guidance guidance_;
  std::vector<TokenGrid> grids_;
  Packing image_packing_;
  std::optional<Layout> guided_, conditional_, unconditional_;  // made when first needed
  std::vector<double> times_;
  int64_t table_start_ = 0;  // index in times_ of the table's first row
  std::optional<ModulationTable> table_;
};

}  // namespace svg
