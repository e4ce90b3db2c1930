// SVG's class-conditional transformer: adaLN-Zero blocks on the cells of one latent, velocity of the flow out.
// Sources: arXiv 2212.09748 (DiT), arXiv 2510.15301 (SVG).
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <vector>

#include "models/class_dit/config.h"
#include "models/kinds.h"
#include "models/part.h"
#include "ops/block_runner.h"
#include "ops/layers.h"

namespace svg {

class ClassDit : public VelocityModel {
 public:
  ClassDit(const Weights& weights, const ClassDitConfig& config);

  const ClassDitConfig& config() const { return config_; }

  /// All channels that come out, that is 2 * in_channels under learn_sigma. tokens (B, rows * columns, in_channels),
  /// row by row; t (B) in [0, 1], 0 = noise; labels (B) int64. Returns (B, rows * columns, out_channels) fp32.
  at::Tensor operator()(const at::Tensor& tokens, const Cells& cells, const at::Tensor& t,
                        const at::Tensor& labels) const;

  int64_t channels() const override { return config_.in_channels; }
  int64_t patch_size() const override { return 1; }
  Cells most_cells() const override;
  std::optional<Cells> usual_cells() const override { return Cells{config_.side, config_.side}; }
  ConditionKind condition() const override { return ConditionKind::label(config_.num_classes, config_.null_class); }
  int64_t parameter_count() const override { return config_.parameter_count(); }
  at::ScalarType dtype() const override { return labels_.scalar_type(); }
  at::Device device() const override { return labels_.device(); }
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& latents, const at::Tensor& t,
                                  const std::vector<at::Tensor>& conditions) const override;
  std::unique_ptr<GuidedVelocity> guide() const override;
  void set_runner(std::shared_ptr<const BlockRunner> runner) override { runner_ = std::move(runner); }

 private:
  struct Block {
    Linear qkv, proj, fc1, fc2, gate, up, down, adaln;
    LayerNorm q_norm, k_norm;
  };

  Block make_block(const Weights& weights) const;
  at::Tensor positions(const Cells& cells) const;
  at::Tensor embed_labels(const at::Tensor& labels) const;
  at::Tensor attend(const Block& block, const at::Tensor& x) const;
  at::Tensor feed_forward(const Block& block, const at::Tensor& x) const;
  at::Tensor run_block(const Block& block, const at::Tensor& x, const at::Tensor& condition) const;
  void check_cells(const Cells& cells) const;

  ClassDitConfig config_;
  Linear embed_, time_in_, time_out_, final_linear_, final_adaln_;
  at::Tensor labels_;     // (label_rows, hidden)
  at::Tensor positions_;  // (1, side^2, hidden) fp32, as stored
  bool usual_positions_;  // the stored ones are the sines and cosines of their grid, so that other grids have theirs
  std::vector<Block> blocks_;
  std::shared_ptr<const BlockRunner> runner_ = plain_blocks();
};

/// What published files hold beside the parameters: {"pos_embed": (1, side^2, hidden)}.
TensorMap class_dit_buffers(const ClassDitConfig& config);

VelocityKind svg_dit_kind();

}  // namespace svg
