// The allow-list: every name that a pickle may mention. What is not here is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace svg {

enum class TorchGlobal : int64_t {
  kDict,         // OrderedDict, dict, Counter
  kDefaultDict,  // its first argument is the factory
  kList,
  kTuple,
  kSet,
  kTensorV2,          // torch._utils._rebuild_tensor and _rebuild_tensor_v2
  kTensorV3,          // the same with a dtype, over an untyped storage
  kParameter,         // the parameter's tensor is its first argument
  kSubclass,          // torch._tensor._rebuild_from_type_v2
  kUnreadableTensor,  // sparse, quantised, complex, nested: known, harmless, not supported
  kStorage,
  kDtype,
  kDevice,
  kBytes,  // _codecs.encode, bytes, bytearray
  kNumpyScalar,
  kPath,
  kReconstructor,  // copyreg._reconstructor(class, base, state)
  kInert,          // a class that is data only: its arguments and attributes are kept as plain values
};

std::optional<TorchGlobal> find_torch_global(std::string_view module, std::string_view name);

}  // namespace svg
