// One evaluation of packed sequences on buffers that stay where they are: what a GPU can record once and launch again
// for other latents, times and captions. Captions are filled up, so that those of some lengths share a recording.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "models/next_dit/next_dit.h"

namespace svg {

/// What an evaluation is computed from. Its sequences are a caption and an image each.
struct StepInputs {
  std::vector<TokenGrid> grids;     // of the images
  std::vector<at::Tensor> latents;  // (C, h, w) fp32 of each image
  std::vector<int64_t> times;       // row of the table of each image; empty where all take the only one
  ModulationTable table;
  std::vector<at::Tensor> captions;  // (L, dim) of each sequence, as encode_caption() gives them
  std::vector<size_t> image;         // of each sequence, its place among the images
};

/// What decides which operations an evaluation is, and of which sizes.
struct StepShape {
  std::vector<TokenGrid> grids;
  std::vector<size_t> image;
  int64_t rows = 0;       // packed, filled up
  int64_t most_rows = 0;  // of a sequence, filled up
  bool several_times = false;

  explicit StepShape(const StepInputs& inputs);
  bool operator==(const StepShape&) const = default;
};

class StepBuffers {
 public:
  /// Keeps a reference to the model.
  StepBuffers(const NextDit& model, const StepShape& shape);

  /// Inputs of the buffers' shape, copied in; captions only where they are others than before.
  void set(const StepInputs& inputs);
  /// From the buffers to the buffers; nothing of it depends on what set() was given but by their memory.
  void run();
  /// What run() wrote: the images' rows of all sequences, (sum of tokens, patch_dim) fp32.
  const at::Tensor& patches() const { return patches_; }

 private:
  void set_captions(const std::vector<at::Tensor>& captions);
  void set_table(const ModulationTable& table, const std::vector<int64_t>& times);
  int64_t times() const { return shape_.several_times ? static_cast<int64_t>(shape_.grids.size()) : 1; }

  const NextDit& model_;
  StepShape shape_;
  std::vector<at::Tensor> captions_;  // that are packed; held, so that no other tensor takes their place in memory
  at::Tensor all_latents_;            // flat
  std::vector<at::Tensor> latents_;   // views of it
  ModulationTable table_;
  Packing images_, rows_;
  RowSubset image_rows_;
  at::Tensor packed_;         // (rows, dim) fp32: captions in their places, images to come
  at::Tensor image_sources_;  // (image rows) int64: the row of the embedded images that goes to each image row
  at::Tensor patches_;
};

}  // namespace svg
