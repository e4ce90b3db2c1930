// Unified Next-DiT: one stream of caption and image tokens, velocity of the flow out.
// Source: arXiv 2503.21758 (Lumina-Image 2.0), arXiv 2512.11749 (SVG-T2I).
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <vector>

#include "models/kinds.h"
#include "models/next_dit/block.h"
#include "models/next_dit/config.h"
#include "models/part.h"
#include "ops/block_runner.h"

namespace svg {

class GraphedSteps;

/// adaLN of several times at once: row s of every tensor belongs to time s.
struct ModulationTable {
  std::vector<BlockModulation> noise_refiner, layers;
  at::Tensor final_scale;  // (S, dim) fp32, 1 + scale

  ModulationTable narrow(int64_t start, int64_t length) const;
};

/// Modulation row of every packed row, int32, from that of every segment; undefined from undefined.
at::Tensor groups_of_rows(const at::Tensor& groups, const std::vector<int64_t>& offsets, at::Device device);

/// Rows and columns of one image in tokens (patches).
struct TokenGrid {
  int64_t rows = 0, columns = 0;
  int64_t tokens() const { return rows * columns; }
  bool operator==(const TokenGrid&) const = default;
};

struct NextDit : VelocityModel {
  NextDitConfig config;
  Linear x_embedder, time_in, time_out, caption_in, final_linear, final_adaln;
  RmsNorm caption_norm;
  std::vector<NextDitBlock> noise_refiner, context_refiner, layers;
  at::Tensor norm_final;  // published, never used; kept so that saved weights have every published name
  std::shared_ptr<const BlockRunner> runner = plain_blocks();
  mutable std::shared_ptr<GraphedSteps> graphed;  // of its guide()s, which come and go; null: none are recorded

  NextDit(const Weights& weights, const NextDitConfig& config);
  NextDit(NextDit&&) = default;  // and no copies: recordings are of one model

  int64_t channels() const override { return config.in_channels; }
  int64_t patch_size() const override { return config.patch_size; }
  Cells most_cells() const override { return {config.max_latent_rows(), config.max_latent_columns()}; }
  ConditionKind condition() const override {
    return ConditionKind::text(config.caption_dim, config.max_caption_tokens());
  }
  int64_t parameter_count() const override { return config.parameter_count(); }
  bool caches_steps() const override { return true; }
  at::ScalarType dtype() const override { return x_embedder.dtype(); }
  at::Device device() const override { return x_embedder.device(); }

  /// velocities(), where gradients are wanted on a CPU with captions filled up to whole blocks of rows.
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& latents, const at::Tensor& t,
                                  const std::vector<at::Tensor>& captions) const override;
  /// encode_caption().
  at::Tensor prepared(const at::Tensor& features) const override { return encode_caption(features.to(device())); }
  std::unique_ptr<GuidedVelocity> guide() const override;
  void set_runner(std::shared_ptr<const BlockRunner> given) override { runner = std::move(given); }

  /// The velocity of every latent, in the order given, fp32. latents: (C, H, W) each, sizes may differ;
  /// t (B) in [0, 1], 0 = noise; captions: valid tokens only, (L, caption_dim) each, L may be 0.
  /// Throws Error(kInvalidArgument) for sizes beyond the RoPE tables or wrong channels.
  std::vector<at::Tensor> velocities(const std::vector<at::Tensor>& latents, const at::Tensor& t,
                                     const std::vector<at::Tensor>& captions) const;

  // The stages of velocities(), for callers that share work between steps or rows.

  /// Caption embedder and context refiner: depends on the captions alone. (L_i, caption_dim) to (sum of L, dim).
  at::Tensor encode_captions(const std::vector<at::Tensor>& features) const;
  at::Tensor encode_caption(const at::Tensor& features) const { return encode_captions({features}); }
  ModulationTable modulation_table(const at::Tensor& t) const;
  TokenGrid grid_of(const at::Tensor& latent) const;
  /// Rows and rotation of images for the noise refiner. All tokens of an image share their caption
  /// position, which cancels in every product of query and key, so it is left at 0.
  Packing pack_images(const std::vector<TokenGrid>& grids, const at::Tensor& groups = {}) const;
  /// Patches, x_embedder and noise refiner. Returns (sum of tokens, dim).
  at::Tensor embed_images(const std::vector<at::Tensor>& latents, const Packing& images,
                          const ModulationTable& modulation) const;
  /// Caption i, then image i, for every i; `group[i]` is the modulation row of sequence i.
  Packing pack_sequences(const std::vector<int64_t>& caption_tokens, const std::vector<TokenGrid>& grids,
                         const at::Tensor& groups = {}) const;
  /// The image rows of such a packing.
  RowSubset image_rows(const Packing& sequences, const std::vector<int64_t>& caption_tokens) const;
  /// What the first main layer's attention reads of rows (T, dim), modulated: fp32. `group` as of Packing.
  at::Tensor first_input(const at::Tensor& x, const at::Tensor& group, const ModulationTable& modulation) const;
  /// Main layers on the packed sequences, of the last one only the image rows: (image rows, dim).
  at::Tensor run_blocks(const at::Tensor& x, const Packing& sequences, const RowSubset& images,
                        const ModulationTable& modulation) const;
  /// The final layer on image rows (S, dim): (S, patch_dim) fp32. `group` is that of the rows.
  at::Tensor final_patches(const at::Tensor& rows, const at::Tensor& group, const ModulationTable& modulation) const;
  /// run_blocks(), then final_patches().
  at::Tensor run_layers(const at::Tensor& x, const Packing& sequences, const RowSubset& images,
                        const ModulationTable& modulation) const;
  /// (tokens, patch_dim) to (C, H, W).
  at::Tensor unpatchify(const at::Tensor& patches, const TokenGrid& grid) const;

 private:
  at::Tensor patchify(const at::Tensor& latent) const;
  /// `subset`: only these rows of the result.
  Stream run_block(const NextDitBlock& block, Stream in, const Packing& packing, const BlockModulation& modulation,
                   const std::optional<FollowingBlock>& following, const RowSubset* subset) const;
  /// Blocks one after the other, each with its own modulation. `subset`: of the last one's result only these rows.
  at::Tensor run_in_turn(const std::vector<NextDitBlock>& blocks, const at::Tensor& x, const Packing& packing,
                         const std::vector<BlockModulation>& modulation, const RowSubset* subset = nullptr) const;
  /// Of packed positions, on the device.
  Rope rope_of(const std::vector<at::Tensor>& positions) const;
  void check_caption(int64_t tokens) const;
};

VelocityKind next_dit_kind();

}  // namespace svg
