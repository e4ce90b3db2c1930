// How a file holds int8 weights: which tensors belong together, and whether it holds what it promises.
//
// X.weight I8 (out, in) stands beside X.weight_scale F32 (out, 1), as compressed-tensors writes them; all other tensors
// are plain. `__metadata__` has "svg_t2i_quantization": {"version": 1, "weights": "int8, per output channel,
// symmetric", "left_out": [matrices that are plain]}.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/int8.h"
#include "io/stored_tensors.h"

namespace svg {

/// Of safetensors' `__metadata__`.
inline constexpr char kInt8MetadataKey[] = "svg_t2i_quantization";

struct Int8Layout {
  bool own = true;  // false: written by compressed-tensors, as the config.json beside it says
  std::set<std::string, std::less<>> matrices;  // stored as int8
  std::vector<std::string> left_out;            // matrices that are plain, as they are found

  bool holds(std::string_view name) const { return matrices.find(name) != matrices.end(); }
  bool is_scale(std::string_view name) const;
  /// "int8: 40 of 44 matrices"
  std::string description() const;
};

/// "layers.0.weight" -> "layers.0.weight_scale"
std::string int8_scale_name(const std::string& weight);

/// Whether a tensor is a matrix that could be int8: two sides, a name that ends in "weight".
bool is_weight_matrix(const std::string& name, const TensorInfo& info);

/// Empty for a file that is not of this layout, quantised otherwise or not at all. Throws Error(kFileFormat) for one
/// that says it is and is not: a version to come, a scale without its weight or the other way round, wrong shapes.
std::optional<Int8Layout> find_int8_layout(const Checkpoint& checkpoint);

/// The same, and empty where it would throw.
std::optional<Int8Layout> find_sound_int8_layout(const Checkpoint& checkpoint);

/// What `__metadata__` says of a file whose other matrices are these.
std::string int8_metadata(const std::vector<std::string>& left_out);

/// Adds what a shard says of itself to the metadata of all; for shards that no index joins.
void join_int8_metadata(Json& whole, const Checkpoint& shard);

/// The matrix with its scales, (out) fp32; values are a view of the mapped bytes. Throws Error(kFileFormat) for scales
/// that are negative or not finite.
Int8Rows read_int8_rows(const Checkpoint& checkpoint, const std::string& weight);

/// Reads all of it and tells what is wrong, one line each: scales, -128 where our own writer never writes it, rows that
/// are not zero at a scale of 0, a list of left-out matrices that is not what the file holds. `advance` is called with
/// each tensor that was read.
void check_int8_values(const Checkpoint& checkpoint, const Int8Layout& layout,
                       const std::function<void(const std::string& problem)>& tell,
                       const std::function<void(const std::string& name, int64_t bytes)>& advance);

}  // namespace svg
