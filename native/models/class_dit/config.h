// Dimensions of SVG's class-conditional transformer: from a preset, a JSON object, or the weights themselves.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/weights.h"

namespace svg {

/// Defaults are those of the published SVG-XL. Source: arXiv 2510.15301, table 5.
struct ClassDitConfig {
  int64_t in_channels = 392;
  int64_t hidden_size = 1152;
  int64_t depth = 28;
  int64_t heads = 16;
  int64_t head_dim = 72;
  int64_t mlp_hidden = 4608;
  int64_t num_classes = 1000;
  bool null_class = true;   // a last row of the label table, which stands for "no class"
  bool learn_sigma = true;  // twice the channels come out, of which the first half is the velocity
  bool qk_norm = true;
  bool swiglu = false;
  int64_t side = 16;  // rows and columns of the stored positions, that is of the pictures it was trained on

  int64_t out_channels() const { return learn_sigma ? 2 * in_channels : in_channels; }
  int64_t attention_width() const { return heads * head_dim; }
  int64_t label_rows() const { return num_classes + (null_class ? 1 : 0); }
  int64_t parameter_count() const;  // without the stored positions, which are not trained

  /// Throws Error(kInvalidConfig) naming what is out of range.
  void check() const;

  /// "B", "L" or "XL".
  static ClassDitConfig preset(const std::string& name);
  static std::vector<std::string> preset_names();

  /// "class-conditional SVG XL", or its depth and width.
  static std::string describe(int64_t hidden_size, int64_t depth, int64_t channels);
  /// Under the keys of from_json.
  Json to_json() const;

  /// Keys of the original's arguments (arch: a preset, hidden_size, depth, num_heads, head_dim, mlp_ratio, num_classes,
  /// class_dropout_prob, learn_sigma, qk_norm, use_swiglu, in_channels); absent ones keep
  /// the preset's values, those of the XL without one.
  static ClassDitConfig from_json(const Json& json);

  /// Every dimension from names and shapes. `given` adds what they cannot tell (num_heads where there is no q_norm;
  /// num_classes and class_dropout_prob for label_table()); what it says about the rest must agree:
  /// Error(kWeightsMismatch).
  static ClassDitConfig infer(const Weights& weights, const Json& given = Json::object());
};

}  // namespace svg
