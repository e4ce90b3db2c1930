#include "io/stored_tensors.h"

#include "core/error.h"
#include "io/dtypes.h"
#include "io/text.h"

namespace svg {

int64_t TensorInfo::elements() const {
  int64_t elements = 1;
  for (const int64_t side : shape) elements *= side;
  return elements;
}

int64_t TensorInfo::bytes() const {
  return listed.empty() ? elements() * static_cast<int64_t>(at::elementSize(dtype)) : listed_bytes;
}

std::string TensorInfo::type_name() const { return listed.empty() ? torch_name(dtype) : listed; }

const TensorInfo& Checkpoint::readable(const std::string& name) const {
  const auto found = tensors_.find(name);
  SVG_CHECK(found != tensors_.end(), ErrorCode::kWeightsMismatch, "tensor \"", name, "\" is missing in ", path_);
  if (!found->second.listed.empty()) {
    throw Error(ErrorCode::kFileFormat,
                concat(path_, ": tensor \"", printable(name), "\" is of type ", found->second.listed,
                       ", which is listed but not read"),
                "Save it as bfloat16, float16 or float32.");
  }
  return found->second;
}

}  // namespace svg
