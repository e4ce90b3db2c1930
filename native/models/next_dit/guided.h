// Guided velocities while sampling. What steps and rows share is computed once: refined captions once per
// prompt, adaLN of many steps at once, the image's embedding once for the conditional and unconditional row.
#pragma once

#include <ATen/ATen.h>

#include <deque>
#include <optional>
#include <vector>

#include "models/guided_step.h"
#include "models/next_dit/modulation_window.h"
#include "models/next_dit/next_dit.h"
#include "models/numbered_items.h"

namespace svg {

class NextDitGuided : public GuidedVelocity {
 public:
  /// Keeps a reference to the model. Conditions of its pictures are captions as NextDit::encode_caption gives them,
  /// (L, dim).
  explicit NextDitGuided(const NextDit& model) : model_(model), modulation_(model) {}

  int64_t add(const GuidedItem& item, const std::vector<double>& times) override;
  void remove(int64_t item) override;
  std::vector<at::Tensor> velocity(const std::vector<GuidedQuery>& queries) override;

 private:
  struct Item {
    GuidedItem given;
    TokenGrid grid;
    PlannedTimes times;
  };
  /// A sequence of the packed rows.
  struct Sequence {
    int64_t item = 0;
    bool conditional = true;

    bool operator==(const Sequence&) const = default;
  };
  /// Packed rows of some sequences, each a caption and an image after it.
  struct Layout {
    std::vector<Sequence> sequences;
    std::vector<at::Tensor> captions;               // of each sequence
    std::vector<size_t> image;                      // of each sequence, its place among the images
    Packing images, rows;                           // of the images alone; of the sequences
    RowSubset image_rows;                           // of the sequences
    std::optional<std::vector<int64_t>> modulated;  // rows of the table that they take, of each image
  };

  Layout& layout_of(const GuidedStep& step, const std::vector<GuidedQuery>& queries);
  Layout make_layout(std::vector<Sequence> sequences, const GuidedStep& step,
                     const std::vector<GuidedQuery>& queries) const;

  const NextDit& model_;
  NumberedItems<Item> items_;
  std::deque<Layout> layouts_;  // of the last groups that were drawn, the oldest first
  ModulationWindow modulation_;
};

}  // namespace svg
