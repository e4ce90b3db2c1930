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
#include "models/next_dit/step_cache.h"
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
  VelocityCounts reused(int64_t item) const override;

 private:
  struct Item {
    GuidedItem given;
    TokenGrid grid;
    PlannedTimes times;
    BranchMemory conditional, unconditional;  // of its step cache, where it has one

    const at::Tensor& caption(bool with_condition) const {
      return with_condition ? given.conditional : given.unconditional;
    }
  };
  /// Packed images of some pictures.
  struct ImageLayout {
    std::vector<int64_t> items;
    Packing packing;
    std::optional<std::vector<int64_t>> modulated;  // rows of the table that they take
  };
  /// A sequence of the packed rows.
  struct Sequence {
    int64_t item = 0;
    bool conditional = true;

    bool operator==(const Sequence&) const = default;
  };
  /// Packed rows of some sequences, each a caption and an image after it.
  struct SequenceLayout {
    std::vector<Sequence> sequences;
    Packing rows;
    RowSubset image_rows;
    std::optional<std::vector<int64_t>> modulated;  // rows of the table that they take
  };
  /// A row of the step and what it is computed from.
  struct Row {
    Sequence sequence;
    SolverTime when;
    at::Tensor image;       // (n, dim), embedded
    int64_t modulated = 0;  // row of the table
  };
  struct Embedded {
    std::vector<Row> rows;
    ModulationTable table;
    bool one_time = false;  // the table has one row, which all take
  };

  /// Images behind the main layers, of some rows of a step.
  struct ImageRows {
    std::vector<size_t> rows;
    at::Tensor values;  // (S, dim)
    std::vector<int64_t> offsets;
    at::Tensor group;

    at::Tensor of(size_t i) const { return values.narrow(0, offsets[i], offsets[i + 1] - offsets[i]); }
  };

  /// By a recording of the whole step, where there is one (models/next_dit/graphed_steps.h).
  std::optional<std::vector<at::Tensor>> replayed(const GuidedStep& step, const std::vector<GuidedQuery>& queries);
  ImageLayout& image_layout(const std::vector<int64_t>& items);
  SequenceLayout& sequence_layout(const std::vector<Sequence>& sequences);
  Embedded embed(const GuidedStep& step, const std::vector<GuidedQuery>& queries);
  std::vector<CachedSequence> cached_sequences(const Embedded& step, const std::vector<size_t>& rows);
  ImageRows run_blocks(const Embedded& step, const std::vector<size_t>& rows);
  ImageRows add_residuals(const Embedded& step, const std::vector<size_t>& rows,
                          const std::vector<at::Tensor>& residuals) const;
  /// The final layer, to the velocities of these rows.
  void finish(const Embedded& step, const ImageRows& images, std::vector<at::Tensor>& velocities) const;

  const NextDit& model_;
  NumberedItems<Item> items_;
  // Of the last groups that were drawn, the oldest first.
  std::deque<ImageLayout> image_layouts_;
  std::deque<SequenceLayout> sequence_layouts_;
  ModulationWindow modulation_;
};

}  // namespace svg
