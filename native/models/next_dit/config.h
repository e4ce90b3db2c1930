// Dimensions of the diffusion transformer: from a preset, a JSON object, or the weights themselves.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/weights.h"

namespace svg {

/// Defaults are those of the published 2B. Source: arXiv 2512.11749, table 2.
struct NextDitConfig {
  int64_t patch_size = 1;
  int64_t in_channels = 384;
  int64_t dim = 2304;
  int64_t layers = 26;
  int64_t refiner_layers = 2;  // of the image and of the caption, each
  int64_t heads = 24;
  int64_t kv_heads = 8;
  int64_t ffn_dim = 9216;
  int64_t caption_dim = 2304;
  bool qk_norm = true;
  double norm_eps = 1e-5;
  std::vector<int64_t> axes_dims = {32, 32, 32};     // caption position, row, column; even, add up to head_dim
  std::vector<int64_t> axes_lens = {600, 512, 512};  // positions per axis that were trained for

  int64_t head_dim() const { return dim / heads; }
  int64_t adaln_dim() const { return dim < 1024 ? dim : 1024; }
  int64_t patch_dim() const { return patch_size * patch_size * in_channels; }
  /// The image's position on the caption axis is the caption's length, so one is kept for it.
  int64_t max_caption_tokens() const { return axes_lens[0] - 1; }
  int64_t max_latent_rows() const { return axes_lens[1] * patch_size; }
  int64_t max_latent_columns() const { return axes_lens[2] * patch_size; }
  int64_t parameter_count() const;

  /// Throws Error(kInvalidConfig) naming the fields that contradict each other.
  void check() const;

  /// "0.8B", "2B", "3B", "4B" or "7B".
  static NextDitConfig preset(const std::string& name);
  static std::vector<std::string> preset_names();

  /// For people: "NextDiT 2B" where a preset has these dimensions.
  static std::string describe(int64_t dim, int64_t layers, int64_t patch_dim);

  /// Keys of the original's arguments (dim, n_layers, n_heads, ...); absent ones keep the values of the preset "arch",
  /// without one of the 2B, but axes_dims, which default to thirds of head_dim. "ffn_dim" (not the original's) comes
  /// before what follows from multiple_of and ffn_dim_multiplier.
  static NextDitConfig from_json(const Json& json);
  /// Under the keys of from_json.
  Json to_json() const;

  /// Every dimension from the shapes of the weights. `given` adds what shapes cannot tell (axes, norm_eps,
  /// heads where there is no q_norm); what it says about the rest must agree: Error(kWeightsMismatch).
  static NextDitConfig infer(const Weights& weights, const Json& given = Json::object());
};

}  // namespace svg
