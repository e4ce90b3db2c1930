#include "io/torch_globals.h"

#include <algorithm>

#include "io/dtypes.h"

namespace svg {
namespace {

struct Known {
  std::string_view module;
  std::string_view name;
  TorchGlobal global;
};

constexpr Known kKnown[] = {
    {"collections", "OrderedDict", TorchGlobal::kDict},
    {"collections", "Counter", TorchGlobal::kDict},
    {"collections", "defaultdict", TorchGlobal::kDefaultDict},
    {"collections", "deque", TorchGlobal::kList},
    {"torch", "Size", TorchGlobal::kTuple},
    {"torch", "device", TorchGlobal::kDevice},
    {"torch.serialization", "_get_layout", TorchGlobal::kLayout},
    // Names of quantisation schemes; nothing is built of them before the tensor itself is refused.
    {"torch", "per_tensor_affine", TorchGlobal::kDtype},
    {"torch", "per_channel_affine", TorchGlobal::kDtype},
    {"torch", "per_tensor_symmetric", TorchGlobal::kDtype},
    {"torch", "per_channel_symmetric", TorchGlobal::kDtype},
    {"torch", "per_channel_affine_float_qparams", TorchGlobal::kDtype},
    {"torch._utils", "_rebuild_tensor", TorchGlobal::kTensorV2},
    {"torch._utils", "_rebuild_tensor_v2", TorchGlobal::kTensorV2},
    {"torch._utils", "_rebuild_tensor_v3", TorchGlobal::kTensorV3},
    {"torch._utils", "_rebuild_parameter", TorchGlobal::kParameter},
    {"torch._utils", "_rebuild_parameter_with_state", TorchGlobal::kParameter},
    {"torch.nn.parameter", "Parameter", TorchGlobal::kParameter},
    {"torch.nn.parameter", "Buffer", TorchGlobal::kParameter},
    {"torch._tensor", "_rebuild_from_type_v2", TorchGlobal::kSubclass},
    {"torch", "Tensor", TorchGlobal::kInert},
    {"torch._utils", "_rebuild_sparse_tensor", TorchGlobal::kUnreadableTensor},
    {"torch._utils", "_rebuild_sparse_csr_tensor", TorchGlobal::kUnreadableTensor},
    {"torch._utils", "_rebuild_qtensor", TorchGlobal::kUnreadableTensor},
    {"torch._utils", "_rebuild_nested_tensor", TorchGlobal::kUnreadableTensor},
    {"torch.nested._internal.nested_tensor", "_rebuild_njt", TorchGlobal::kUnreadableTensor},
    {"torch.nested._internal.nested_tensor", "NestedTensor", TorchGlobal::kUnreadableTensor},
    {"torch._dynamo.decorators", "_DimRange", TorchGlobal::kInert},  // an attribute of nested tensors
    {"torch._utils", "_rebuild_meta_tensor_no_storage", TorchGlobal::kUnreadableTensor},
    {"torch._utils", "_rebuild_wrapper_subclass", TorchGlobal::kUnreadableTensor},
    {"torch._utils", "_rebuild_device_tensor_from_numpy", TorchGlobal::kUnreadableTensor},
    {"torch._utils", "_rebuild_device_tensor_from_cpu_tensor", TorchGlobal::kUnreadableTensor},
    {"_codecs", "encode", TorchGlobal::kBytes},
    {"copyreg", "_reconstructor", TorchGlobal::kReconstructor},
    {"copy_reg", "_reconstructor", TorchGlobal::kReconstructor},
    {"pathlib", "PosixPath", TorchGlobal::kPath},
    {"pathlib", "PurePosixPath", TorchGlobal::kPath},
    {"pathlib", "WindowsPath", TorchGlobal::kPath},
    {"pathlib", "PureWindowsPath", TorchGlobal::kPath},
    {"pathlib", "Path", TorchGlobal::kPath},
    {"pathlib._local", "PosixPath", TorchGlobal::kPath},
    // Data only. Nothing of them is run: `kInert` keeps arguments and attributes.
    {"argparse", "Namespace", TorchGlobal::kInert},
    {"types", "SimpleNamespace", TorchGlobal::kInert},
    {"datetime", "datetime", TorchGlobal::kInert},
    {"datetime", "timedelta", TorchGlobal::kInert},
    {"typing", "Any", TorchGlobal::kInert},
    {"omegaconf.dictconfig", "DictConfig", TorchGlobal::kInert},
    {"omegaconf.listconfig", "ListConfig", TorchGlobal::kInert},
    {"omegaconf.base", "ContainerMetadata", TorchGlobal::kInert},
    {"omegaconf.base", "Metadata", TorchGlobal::kInert},
    {"omegaconf.nodes", "AnyNode", TorchGlobal::kInert},
    {"omegaconf.nodes", "StringNode", TorchGlobal::kInert},
    {"omegaconf.nodes", "IntegerNode", TorchGlobal::kInert},
    {"omegaconf.nodes", "FloatNode", TorchGlobal::kInert},
    {"omegaconf.nodes", "BooleanNode", TorchGlobal::kInert},
    {"omegaconf.nodes", "BytesNode", TorchGlobal::kInert},
    {"omegaconf.nodes", "PathNode", TorchGlobal::kInert},
    {"pytorch_lightning.utilities.parsing", "AttributeDict", TorchGlobal::kInert},
    {"lightning.pytorch.utilities.parsing", "AttributeDict", TorchGlobal::kInert},
    {"lightning_fabric.utilities.data", "AttributeDict", TorchGlobal::kInert},
    {"lightning.fabric.utilities.data", "AttributeDict", TorchGlobal::kInert},
    {"pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint", TorchGlobal::kInert},
    {"pytorch_lightning.callbacks.early_stopping", "EarlyStopping", TorchGlobal::kInert},
    {"pytorch_lightning.callbacks.lr_monitor", "LearningRateMonitor", TorchGlobal::kInert},
    {"numpy", "dtype", TorchGlobal::kInert},
    {"numpy", "ndarray", TorchGlobal::kInert},
};

constexpr std::string_view kPlainTypes[] = {"object", "int", "float", "bool", "str", "complex", "type", "NoneType"};

std::optional<TorchGlobal> find_builtin(std::string_view name) {
  if (name == "dict") return TorchGlobal::kDict;
  if (name == "list") return TorchGlobal::kList;
  if (name == "tuple") return TorchGlobal::kTuple;
  if (name == "set" || name == "frozenset") return TorchGlobal::kSet;
  if (name == "bytes" || name == "bytearray") return TorchGlobal::kBytes;
  const bool plain = std::find(std::begin(kPlainTypes), std::end(kPlainTypes), name) != std::end(kPlainTypes);
  return plain ? std::optional(TorchGlobal::kInert) : std::nullopt;
}

// numpy moved these in 2.0; both spellings are in files.
std::optional<TorchGlobal> find_numpy(std::string_view module, std::string_view name) {
  if (module == "numpy.core.multiarray" || module == "numpy._core.multiarray") {
    if (name == "scalar") return TorchGlobal::kNumpyScalar;
    if (name == "_reconstruct") return TorchGlobal::kInert;
  }
  // numpy.dtypes.Float64DType and its like: the class of a dtype, without arguments.
  const bool dtype_class = module == "numpy.dtypes" && name.size() > 5 && name.substr(name.size() - 5) == "DType";
  return dtype_class ? std::optional(TorchGlobal::kInert) : std::nullopt;
}

bool is_storage_class(std::string_view module, std::string_view name) {
  if (module == "torch.storage") return name == "UntypedStorage" || name == "TypedStorage";
  if (module != "torch" && module != "torch.cuda") return false;
  constexpr std::string_view kOther[] = {"ComplexFloatStorage", "ComplexDoubleStorage", "QInt8Storage",
                                         "QUInt8Storage",       "QInt32Storage",        "QUInt4x2Storage",
                                         "QUInt2x4Storage",     "UntypedStorage"};
  return dtype_of_storage(name) || std::find(std::begin(kOther), std::end(kOther), name) != std::end(kOther);
}

}  // namespace

bool is_distributed_module(std::string_view module) {
  for (const std::string_view package : {"torch.distributed.tensor", "torch.distributed._tensor",
                                         "torch.distributed._shard", "torch.distributed.device_mesh"}) {
    if (module.substr(0, package.size()) == package) return true;
  }
  return false;
}

std::optional<TorchGlobal> find_torch_global(std::string_view module, std::string_view name) {
  for (const Known& known : kKnown) {
    if (known.module == module && known.name == name) return known.global;
  }
  if (module == "builtins" || module == "__builtin__") return find_builtin(name);
  if (module.substr(0, 5) == "numpy") return find_numpy(module, name);
  if (is_storage_class(module, name)) return TorchGlobal::kStorage;
  if (module == "torch" && (dtype_of_torch(name) || listed_type_of_torch(name))) return TorchGlobal::kDtype;
  return std::nullopt;
}

}  // namespace svg
