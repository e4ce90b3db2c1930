#include "distributed/parameter_sync.h"

#include "core/error.h"

namespace svg {

ParallelMode parse_parallel_mode(const std::string& name) {
  if (name == "ddp") return ParallelMode::kData;
  if (name == "sdp") return ParallelMode::kOptimizer;
  throw Error(ErrorCode::kInvalidArgument, concat("unknown parallel mode \"", name, "\": known are ddp, sdp"));
}

TensorMap ParameterSync::owned(const TensorMap& tensors) const {
  TensorMap part;
  for (const auto& [name, tensor] : tensors) {
    if (owns(name)) part[name] = tensor;
  }
  return part;
}

TensorMap ParameterSync::saved(const TensorMap& tensors) const {
  TensorMap part;
  for (const auto& [name, tensor] : tensors) {
    if (saves(name)) part[name] = tensor;
  }
  return part;
}

}  // namespace svg
