#include "io/write_state_dict.h"

#include <filesystem>

#include "io/safetensors_writer.h"
#include "io/torch_writer.h"

namespace svg {

void write_state_dict(const std::string& path, const TensorMap& tensors, const std::vector<std::string>& nesting) {
  if (std::filesystem::path(path).extension() == ".safetensors") return write_safetensors(path, tensors);
  TorchFileOptions options;
  options.root = nesting;
  write_torch_file(path, tensors, options);
}

}  // namespace svg
