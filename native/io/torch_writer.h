// Writes files that torch.load(weights_only=True) reads.
#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "core/weights.h"

namespace svg {

struct TorchFileOptions {
  /// Keys below which the state dict is nested, e.g. {"state_dict"}.
  std::vector<std::string> root;
  /// An object whose members stand beside the state dict; only with a root.
  Json extras;
};

/// A zip file with one storage per tensor. Throws Error(kIo | kDiskFull), kInvalidArgument for a dtype that
/// torch files of this kind cannot hold.
void write_torch_file(const std::string& path, const TensorMap& tensors, const TorchFileOptions& options = {});

}  // namespace svg
