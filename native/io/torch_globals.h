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
  kUnreadableTensor,  // sparse, quantised, nested: known, harmless, not supported
  kStorage,
  kDtype,
  kDevice,
  kLayout,  // torch.serialization._get_layout("torch.sparse_coo")
  kBytes,   // _codecs.encode, bytes, bytearray
  kNumpyScalar,
  kPath,
  kReconstructor,  // copyreg._reconstructor(class, base, state)
  kInert,          // a class that is data only: its arguments and attributes are kept as plain values
};

/// Whether the module belongs to torch's tensors that are spread over processes (DTensor, ShardedTensor).
bool is_distributed_module(std::string_view module);

std::optional<TorchGlobal> find_torch_global(std::string_view module, std::string_view name);

}  // namespace svg
