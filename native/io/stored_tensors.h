// A readable state dict: names, shapes and dtypes at once, bytes only when a tensor is read.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"

namespace svg {

struct TensorInfo {
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
  /// Name of an element type that is listed but not read ("float8_e8m0fnu"); empty elsewhere. dtype says nothing then.
  std::string listed = {};
  int64_t listed_bytes = 0;

  int64_t elements() const;
  /// Bytes of the tensor's own elements (shape x element size).
  int64_t bytes() const;
  /// "float32"; the name that JavaScript and Python use.
  std::string type_name() const;
  /// Whether read() gives floating-point numbers.
  bool is_floating() const { return listed.empty() && at::isFloatingType(dtype); }
};

class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  const std::map<std::string, TensorInfo>& tensors() const { return tensors_; }
  bool has(const std::string& name) const { return tensors_.count(name) != 0; }
  /// File or folder it was opened from.
  const std::string& path() const { return path_; }
  /// "safetensors", "torch zip", "torch legacy", each with " (sharded)" where several files make one state dict.
  const std::string& format() const { return format_; }
  /// Plain values beside the tensors (safetensors __metadata__, extras of a Lightning file).
  const Json& metadata() const { return metadata_; }
  /// Keys of the torch file that lead to the tensors, e.g. {"state_dict"}; empty elsewhere.
  const std::vector<std::string>& root() const { return root_; }
  /// One line for people on how the names were read (io/wrappers.h), mostly empty.
  const std::string& remark() const { return remark_; }
  /// The files that hold the tensors, the index of a sharded one first.
  virtual std::vector<std::string> files() const { return {path_}; }

  /// A CPU view of the mapped bytes (read-only by convention, keeps the map alive).
  /// Throws Error(kWeightsMismatch) where the name is absent, kFileFormat where its element type is only listed.
  virtual at::Tensor read(const std::string& name) const = 0;
  /// (count) elements of the flattened tensor from `first` on, for readers that must not hold it whole. Throws as read.
  virtual at::Tensor read_part(const std::string& name, int64_t first, int64_t count) const = 0;
  /// Tells that the bytes behind a tensor were copied and may leave memory.
  virtual void release(const std::string& name) const = 0;

 protected:
  /// The entry of a tensor that can be read; throws as read() does.
  const TensorInfo& readable(const std::string& name) const;

  std::string path_;
  std::string format_;
  std::map<std::string, TensorInfo> tensors_;
  Json metadata_;
  std::vector<std::string> root_;
  std::string remark_;
};

struct CheckpointOptions {
  /// Keys that lead to the state dict of a torch file. Absent: those that training tools use ("state_dict", "ema",
  /// "model", ...: io/state_dict.cpp) are followed for as long as they hold tensors.
  std::optional<std::vector<std::string>> root;
};

}  // namespace svg
