// What a conversion makes of the tensors of a file: which there will be, and each of them when it is written.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/int8.h"
#include "core/weights.h"
#include "io/int8_layout.h"
#include "io/stored_tensors.h"

namespace svg {

/// Which matrices of the model that these weights belong to; it knows the models, and this folder does not. Throws
/// Error(kInvalidArgument) where none of its matrices are.
using Int8Chooser = std::function<TakesInt8(const Weights&)>;

struct Conversion {
  std::optional<at::ScalarType> dtype;  // of floating-point tensors; none: they keep theirs
  bool to_int8 = false;
};

class ConvertedTensors {
 public:
  /// `input` without wrappers where it is quantised (io/identify.h, open_model). Throws Error(kInvalidArgument) for
  /// what is int8 already, and as the chooser does; kFileFormat for tensors that are only listed.
  ConvertedTensors(std::shared_ptr<Checkpoint> input, const Conversion& conversion, const Int8Chooser& choose);

  const Checkpoint& input() const { return *input_; }
  const std::map<std::string, TensorInfo>& tensors() const { return tensors_; }
  /// Scales, each with the weight that it stays in one file with.
  const std::map<std::string, std::string>& together() const { return weight_of_; }
  /// Whether matrices are int8 in what is written.
  bool is_int8() const { return !scale_of_.empty(); }
  /// Names of all matrices that are, and of those that are plain.
  std::vector<std::string> int8_matrices() const;
  std::vector<std::string> left_out() const;
  /// Whether the file has to say itself that it is int8.
  bool says_int8() const { return says_int8_; }

  /// The tensor as it is written. Takes memory for one matrix and its fp32 copy. Throws Error(kNumeric) where fp16
  /// overflows or a matrix that becomes int8 is not finite.
  at::Tensor make(const std::string& name) const;
  /// Tells that the bytes that `name` is made of may leave memory.
  void release(const std::string& name) const;

 private:
  void quantise(const Int8Chooser& choose);
  void keep_int8(const Int8Layout& layout);
  void multiply_out(const Int8Layout& layout);
  at::Tensor cast(const std::string& name, const at::Tensor& stored) const;

  std::shared_ptr<Checkpoint> input_;
  Conversion conversion_;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, std::string> weight_of_, scale_of_;
  std::optional<Int8Layout> stored_;  // of the input, where it is multiplied out
  bool says_int8_ = false;
};

}  // namespace svg
