// RAE's diffusion transformer over classes, with a wide, shallow head that takes the deep part's output as its
// condition (DDT). Sources: arXiv 2510.11690 (RAE), arXiv 2504.05741 (DDT), bytetriper/RAE.
//
// B batch, C latent channels, N = h*w tokens, D width of the deep part, E of the head. Inside, RAE's clock: 1 is noise.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/weights.h"
#include "models/kinds.h"
#include "models/rae_dit/block.h"
#include "ops/block_runner.h"
#include "ops/layers.h"

namespace svg {

struct RaeDitConfig {
  int64_t channels = 768;
  int64_t grid = 16;  // cells and side that it was trained on
  int64_t classes = 1000;
  RaeDitPart deep{1152, 28, 16, 3072}, head{2048, 2, 16, 5461};
  bool null_class = true;  // one more class, for "none"
  bool qk_norm = false, swiglu = true, rotary = true, rms_norm = true, shift = true, positions = true;

  /// "rae-dit 1152x28 + 2048x2, 768 channels, 16x16 cells, 1000 classes"
  std::string describe() const;
  /// "RAE ditdh_xl, 768 channels, 1000 classes" where it is a published size, else as describe().
  std::string title() const;
  static std::vector<std::string> preset_names();
  /// The keys of RAE's yaml (stage_2.params): input_size, in_channels, hidden_size, depth, num_heads, mlp_ratio,
  /// num_classes, class_dropout_prob, use_qknorm, use_swiglu, use_rope, use_rmsnorm, wo_shift, use_pos_embed, and
  /// patch_size, which must be 1; or arch, a preset, for the deep part. Throws Error(kInvalidConfig).
  static RaeDitConfig from_json(const Json& json);
  /// From names and shapes. What they do not tell is taken from `said` (under from_json's keys; null: nothing), else it
  /// is as published: heads without rotations or norms of heads (16 in widths of 1152 and 2048, else of 64 channels
  /// each), where the head begins in two parts of one width (two blocks), the grid without positions and rotations
  /// (16x16), rotations that a file leaves out (none); num_classes and class_dropout_prob as label_table() has them.
  /// What they do tell must agree with it: throws Error(kWeightsMismatch), also where the weights are no such
  /// transformer.
  static RaeDitConfig infer(const Weights& weights, const Json& said = Json());
  static bool recognises(const Weights& weights);
  /// Under from_json's keys, but for the feed-forward widths, which follow from mlp_ratio.
  Json to_json() const;
  /// Of what is trained: without positions, rotations and the frequencies of the time.
  int64_t parameter_count() const;
  /// Throws Error(kInvalidConfig) for numbers of which no network can be built.
  void check() const;

 private:
  /// from_json() without the check.
  static RaeDitConfig unchecked(const Json& json);
  void agree_with(const RaeDitConfig& wanted, const Json& said, const std::string& file) const;
};

class RaeDit : public VelocityModel {
 public:
  RaeDit(const Weights& weights, const RaeDitConfig& config);

  const RaeDitConfig& config() const { return config_; }
  /// Stored tensors that the model has no use for: they are computed again.
  static bool is_spare(const std::string& name);

  /// RAE's own velocity, noise - data: latent (B, C, h, w) fp32, t (B) with 1 = noise, labels (B) int64 where `classes`
  /// is "none" -> (B, C, h, w) fp32. Positions of another grid than the trained one are interpolated.
  at::Tensor operator()(const at::Tensor& latent, const at::Tensor& t, const at::Tensor& labels) const;

  int64_t channels() const override { return config_.channels; }
  int64_t patch_size() const override { return 1; }
  Cells most_cells() const override { return {4 * config_.grid, 4 * config_.grid}; }
  std::optional<Cells> usual_cells() const override { return Cells{config_.grid, config_.grid}; }
  ConditionKind condition() const override { return ConditionKind::label(config_.classes, config_.null_class); }
  int64_t parameter_count() const override { return parameters_; }
  at::ScalarType dtype() const override { return x_embed_.dtype(); }
  at::Device device() const override { return x_embed_.device(); }
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& latents, const at::Tensor& t,
                                  const std::vector<at::Tensor>& conditions) const override;
  std::unique_ptr<GuidedVelocity> guide() const override;
  void set_runner(std::shared_ptr<const BlockRunner> runner) override { runner_ = std::move(runner); }

 private:
  at::Tensor embedded_time(const at::Tensor& t) const;
  at::Tensor positions(int64_t rows, int64_t columns) const;
  Rope rotation(int64_t rows, int64_t columns, const RaeDitPart& part) const;

  RaeDitConfig config_;
  Linear x_embed_, s_embed_, s_project_, time_in_, time_out_, final_modulation_, final_;
  at::Tensor frequencies_;  // (F) of the time
  at::Tensor labels_;       // (classes + 1, D)
  at::Tensor positions_;    // (1, grid^2, D), undefined where there are none
  std::vector<RaeDitBlock> blocks_;
  RaeDitNorm final_norm_;
  std::shared_ptr<const BlockRunner> runner_ = plain_blocks();
  int64_t parameters_ = 0;
};

/// What published files hold beside the parameters: "pos_embed" and the rotations, from which grid and heads are told.
TensorMap rae_dit_buffers(const RaeDitConfig& config);

/// Its entry in the catalogue.
VelocityKind rae_dit_kind();

}  // namespace svg
