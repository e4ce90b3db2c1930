// Writes the safetensors format, one tensor in memory at a time.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/atomic_file.h"
#include "io/checkpoint.h"

namespace svg {

/// Names in the order of their bytes: first the tensors of whole cache lines, which all begin with one, then the
/// others; of both wide types first, so that every tensor is aligned, then by name.
std::vector<std::string> safetensors_order(const std::map<std::string, TensorInfo>& tensors);

class SafetensorsWriter {
 public:
  /// Writes the header. `metadata` holds strings alone.
  /// Throws Error(kIo | kDiskFull), kInvalidArgument for a dtype that the format lacks.
  SafetensorsWriter(const std::string& path, const std::map<std::string, TensorInfo>& tensors,
                    const std::map<std::string, std::string>& metadata);

  /// Order in which `add` wants the tensors.
  const std::vector<std::string>& order() const { return order_; }
  /// The next tensor, of the announced dtype and shape.
  void add(const at::Tensor& tensor);
  /// Throws Error(kInternal) where a tensor is missing.
  void commit();

 private:
  AtomicFile file_;
  std::map<std::string, TensorInfo> tensors_;
  std::vector<std::string> order_;
  size_t next_ = 0;
};

/// A whole map at once.
void write_safetensors(const std::string& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

}  // namespace svg
