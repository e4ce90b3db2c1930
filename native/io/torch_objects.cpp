#include "io/torch_objects.h"

#include <algorithm>

#include "core/error.h"
#include "io/dtypes.h"
#include "io/numpy_scalar.h"
#include "io/text.h"
#include "io/torch_globals.h"

namespace svg {
namespace {

constexpr size_t kMaxTensors = 200'000;
constexpr size_t kMaxTorchDimensions = 16;
constexpr size_t kMaxPath = 4096;
constexpr size_t kMaxGlobalName = 256;
constexpr size_t kMaxKey = 256;

constexpr char kStateDictHint[] =
    "Nothing in the file was run. If you trust it, load it once in PyTorch and save its state dict alone.";

constexpr char kDistributedHint[] =
    "Save whole tensors: {name: tensor.full_tensor() for name, tensor in model.state_dict().items()}, or "
    "get_model_state_dict(model, options=StateDictOptions(full_state_dict=True)).";

[[noreturn]] void fail_torch(const std::string& cause) { throw Error(ErrorCode::kFileFormat, "[torch] " + cause); }
[[noreturn]] void refuse_torch(const std::string& cause) { throw Error(ErrorCode::kUnsafeFile, "[torch] " + cause); }

}  // namespace

PickleRef TorchObjects::find_global(std::string_view module, std::string_view name) {
  if (is_distributed_module(module)) {
    throw Error(ErrorCode::kFileFormat,
                concat("[torch] holds tensors that are spread over processes (", printable(module), ".",
                       printable(name), "), as FSDP2 keeps them"),
                kDistributedHint);
  }
  const bool sane = module.size() + name.size() <= kMaxGlobalName;
  const std::optional<TorchGlobal> global = sane ? find_torch_global(module, name) : std::nullopt;
  if (!global) {
    throw Error(
        ErrorCode::kUnsafeFile,
        concat("[torch] asks for the Python object ", printable(module), ".", printable(name), ", which is not data"),
        kStateDictHint);
  }
  PickleValue value{PickleKind::kGlobal};
  value.integer = static_cast<int64_t>(*global);
  value.text = heap_.keep(concat(module, ".", name));
  return heap_.add(std::move(value));
}

PickleRef TorchObjects::call(PickleRef callable, PickleRef arguments) {
  const PickleValue& function = heap_.at(callable);
  if (function.kind != PickleKind::kGlobal) refuse_torch("calls what is no known function");
  const std::vector<PickleRef>& items = heap_.at(arguments).items;
  switch (static_cast<TorchGlobal>(function.integer)) {
    case TorchGlobal::kDict: return make_dict(arguments, 0);
    case TorchGlobal::kDefaultDict: return make_dict(arguments, 1);
    case TorchGlobal::kList: return make_sequence(PickleKind::kList, arguments);
    case TorchGlobal::kTuple: return make_sequence(PickleKind::kTuple, arguments);
    case TorchGlobal::kSet: return make_sequence(PickleKind::kSet, arguments);
    case TorchGlobal::kTensorV2: return rebuild_tensor(arguments, false);
    case TorchGlobal::kTensorV3: return rebuild_tensor(arguments, true);
    case TorchGlobal::kParameter: argument(arguments, 0, PickleKind::kTensor, "a parameter"); return items[0];
    case TorchGlobal::kSubclass: return rebuild_subclass(arguments);
    case TorchGlobal::kDevice: argument(arguments, 0, PickleKind::kString, "a device"); return items[0];
    case TorchGlobal::kLayout: argument(arguments, 0, PickleKind::kString, "a layout"); return items[0];
    case TorchGlobal::kBytes: return make_bytes(arguments);
    case TorchGlobal::kNumpyScalar: {
      const std::optional<PickleValue> number = read_numpy_scalar(heap_, items);
      return number ? heap_.add(*number) : make_object(function.text, arguments);
    }
    case TorchGlobal::kPath: return make_path(arguments);
    case TorchGlobal::kReconstructor:
      return make_object(argument(arguments, 0, PickleKind::kGlobal, "an object").text,
                         heap_.add(PickleKind::kTuple, {}));
    case TorchGlobal::kInert: return make_object(function.text, arguments);
    case TorchGlobal::kUnreadableTensor:
      throw Error(ErrorCode::kFileFormat,
                  concat("[torch] holds a tensor of a kind that is not supported (", printable(function.text), ")"),
                  "Save it as a dense tensor: .to_dense() of a sparse, .dequantize() of a quantised one.");
    case TorchGlobal::kStorage:
    case TorchGlobal::kDtype: break;
  }
  refuse_torch(concat("calls ", printable(function.text)));
}

void TorchObjects::build(PickleRef object, PickleRef state) {
  PickleValue& value = heap_.at(object);
  switch (value.kind) {
    case PickleKind::kObject: value.items[1] = state; break;
    case PickleKind::kDict:    // attributes of an OrderedDict: a state dict's version numbers
    case PickleKind::kTensor:  // attributes of a parameter
      break;
    default: refuse_torch("sets the attributes of a plain value");
  }
}

PickleRef TorchObjects::load_persistent(PickleRef id) {
  const PickleValue& tuple = heap_.at(id);
  if (tuple.kind != PickleKind::kTuple || tuple.items.size() < 5) fail_torch("a storage without a proper description");
  if (argument(id, 0, PickleKind::kString, "a storage").text != "storage") refuse_torch("refers to what is no storage");
  const PickleValue& type = argument(id, 1, PickleKind::kGlobal, "a storage");
  if (static_cast<TorchGlobal>(type.integer) != TorchGlobal::kStorage)
    refuse_torch("a storage of what is no storage class");
  TorchStorage storage;
  const std::string_view class_name = type.text.substr(type.text.rfind('.') + 1);
  storage.dtype = dtype_of_storage(class_name);
  storage.listed = listed_type_of_storage(class_name);
  if (!storage.dtype && !storage.listed && class_name != "UntypedStorage") {
    throw Error(ErrorCode::kFileFormat, concat("[torch] holds a ", class_name, ": quantised tensors are not supported"),
                "Save them after .dequantize().");
  }
  const std::string_view key = argument(id, 2, PickleKind::kString, "a storage's key").text;
  if (key.size() > kMaxKey) refuse_torch("a storage with a key of absurd length");
  storage.key = std::string(key);
  const int64_t elements = argument(id, 4, PickleKind::kInt, "a storage's size").integer;
  const int64_t element_size = storage.element_size();
  if (elements < 0 || __builtin_mul_overflow(elements, element_size, &storage.bytes)) {
    refuse_torch(concat("storage \"", printable(key), "\" claims ", elements, " elements"));
  }
  storage.last = storage.bytes;
  if (tuple.items.size() > 5) set_view(storage, tuple.items[5]);
  const std::string name = concat(storage.key, ":", storage.first, ":", storage.last);
  if (const auto found = storage_refs_.find(name); found != storage_refs_.end()) {
    const TorchStorage& known = storages_[static_cast<size_t>(heap_.at(found->second).integer)];
    const bool same_type = known.dtype == storage.dtype && known.listed.has_value() == storage.listed.has_value();
    if (!same_type || known.bytes != storage.bytes) {
      refuse_torch(concat("storage \"", printable(key), "\" is described in two ways"));
    }
    return found->second;
  }
  PickleValue value{PickleKind::kStorage};
  value.integer = static_cast<int64_t>(storages_.size());
  storages_.push_back(std::move(storage));
  return storage_refs_[name] = heap_.add(std::move(value));
}

// (key, first element, elements) of the part of the storage that is meant.
void TorchObjects::set_view(TorchStorage& storage, PickleRef view) const {
  if (heap_.at(view).kind == PickleKind::kNone) return;
  argument(view, 0, PickleKind::kString, "a storage's view");
  const int64_t element_size = storage.element_size();
  const int64_t whole = storage.bytes / element_size;
  const int64_t first = argument(view, 1, PickleKind::kInt, "a storage's view").integer;
  const int64_t count = argument(view, 2, PickleKind::kInt, "a storage's view").integer;
  if (first < 0 || count < 0 || first > whole || count > whole - first) {
    refuse_torch(concat("a view of storage \"", printable(storage.key), "\" leaves it"));
  }
  storage.first = first * element_size;
  storage.last = (first + count) * element_size;
}

const PickleValue& TorchObjects::argument(PickleRef arguments, size_t index, PickleKind kind, const char* what) const {
  const PickleValue& tuple = heap_.at(arguments);
  if (tuple.kind != PickleKind::kTuple || index >= tuple.items.size()) fail_torch(concat(what, " lacks an argument"));
  const PickleValue& value = heap_.at(tuple.items[index]);
  if (value.kind != kind) fail_torch(concat(what, " has an argument of a wrong kind"));
  return value;
}

std::vector<int64_t> TorchObjects::int_list(PickleRef tuple, const char* what) const {
  const PickleValue& value = heap_.at(tuple);
  if (value.kind != PickleKind::kTuple && value.kind != PickleKind::kList) fail_torch(concat(what, " is no tuple"));
  if (value.items.size() > kMaxTorchDimensions) fail_torch(concat(what, " has ", value.items.size(), " dimensions"));
  std::vector<int64_t> numbers;
  for (const PickleRef item : value.items) {
    if (heap_.at(item).kind != PickleKind::kInt) fail_torch(concat(what, " holds what is no integer"));
    numbers.push_back(heap_.at(item).integer);
    if (numbers.back() < 0) refuse_torch(concat(what, " holds the negative number ", numbers.back()));
  }
  return numbers;
}

// (storage, offset, size, stride, requires_grad, hooks[, dtype][, metadata]); the first version ends at stride.
PickleRef TorchObjects::rebuild_tensor(PickleRef arguments, bool untyped) {
  if (tensors_.size() >= kMaxTensors) refuse_torch(concat("more than ", kMaxTensors, " tensors"));
  TorchTensor tensor;
  tensor.storage = static_cast<size_t>(argument(arguments, 0, PickleKind::kStorage, "a tensor's storage").integer);
  tensor.offset = argument(arguments, 1, PickleKind::kInt, "a tensor's offset").integer;
  const std::vector<PickleRef>& items = heap_.at(arguments).items;
  if (items.size() < 4) fail_torch("a tensor without a shape");
  tensor.shape = int_list(items[2], "a tensor's shape");
  tensor.strides = int_list(items[3], "a tensor's stride");
  const TorchStorage& stored = storages_[tensor.storage];
  if (untyped) {
    const PickleValue& type = argument(arguments, 6, PickleKind::kGlobal, "a tensor's dtype");
    const std::string_view type_name = type.text.substr(type.text.rfind('.') + 1);
    const std::optional<at::ScalarType> dtype = dtype_of_torch(type_name);
    if (!dtype) tensor.listed = listed_type_of_torch(type_name);
    if (static_cast<TorchGlobal>(type.integer) != TorchGlobal::kDtype || (!dtype && !tensor.listed)) {
      fail_torch(concat("holds a tensor of type ", printable(type.text), ", which is not supported"));
    }
    tensor.dtype = dtype.value_or(at::kByte);
  } else {
    if (!stored.dtype && !stored.listed) fail_torch("a tensor without an element type");
    tensor.listed = stored.listed;
    tensor.dtype = stored.dtype.value_or(at::kByte);
  }
  const size_t metadata = untyped ? 7 : 6;  // {"conj": True} or {"neg": True}: lazily negated values
  if (items.size() > metadata && heap_.at(items[metadata]).kind == PickleKind::kDict &&
      !heap_.at(items[metadata]).items.empty()) {
    fail_torch("holds a lazily negated or conjugated tensor; save it after .resolve_neg().resolve_conj()");
  }
  check_inside_storage(tensor);
  PickleValue value{PickleKind::kTensor};
  value.integer = static_cast<int64_t>(tensors_.size());
  tensors_.push_back(std::move(tensor));
  return heap_.add(std::move(value));
}

void TorchObjects::check_inside_storage(const TorchTensor& tensor) const {
  const TorchStorage& storage = storages_[tensor.storage];
  const std::string shown = concat("a tensor of shape ", at::IntArrayRef(tensor.shape), ", stride ",
                                   at::IntArrayRef(tensor.strides), ", offset ", tensor.offset);
  if (tensor.shape.size() != tensor.strides.size()) fail_torch(concat(shown, " has not one stride per dimension"));
  int64_t elements = 1;  // with zeros as ones, so that the sizes of an empty tensor are bounded too
  int64_t last = tensor.offset;
  bool overflow = tensor.offset < 0;
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    int64_t reach = 0;
    overflow = overflow || __builtin_mul_overflow(elements, std::max<int64_t>(tensor.shape[i], 1), &elements) ||
               __builtin_mul_overflow(std::max<int64_t>(tensor.shape[i], 1) - 1, tensor.strides[i], &reach) ||
               __builtin_add_overflow(last, reach, &last);
  }
  const int64_t element_size = tensor.element_size();
  int64_t bytes = 0;
  overflow = overflow || __builtin_mul_overflow(elements, element_size, &bytes);
  if (overflow) refuse_torch(concat(shown, " has impossible sizes"));
  const bool empty = std::count(tensor.shape.begin(), tensor.shape.end(), 0) != 0;
  if (!empty && last >= (storage.last - storage.first) / element_size) {
    refuse_torch(concat(shown, " reaches beyond its storage of ", storage.last - storage.first, " bytes"));
  }
}

// (function, type, arguments, state): a tensor with attributes, or a plain subclass.
PickleRef TorchObjects::rebuild_subclass(PickleRef arguments) {
  const PickleValue& function = argument(arguments, 0, PickleKind::kGlobal, "a tensor");
  argument(arguments, 2, PickleKind::kTuple, "a tensor");
  switch (static_cast<TorchGlobal>(function.integer)) {
    case TorchGlobal::kTensorV2:
    case TorchGlobal::kTensorV3:
    case TorchGlobal::kParameter:
    case TorchGlobal::kUnreadableTensor: {
      const std::vector<PickleRef>& items = heap_.at(arguments).items;
      return call(items[0], items[2]);
    }
    default: refuse_torch(concat("builds a tensor with ", printable(function.text)));
  }
}

// dict(), dict(mapping) or dict([(key, value), ...]), the content being argument `first`.
PickleRef TorchObjects::make_dict(PickleRef arguments, size_t first) {
  const std::vector<PickleRef>& items = heap_.at(arguments).items;
  std::vector<PickleRef> members;
  if (items.size() > first) {
    const PickleValue& content = heap_.at(items[first]);
    if (content.kind == PickleKind::kDict) {
      members = content.items;
    } else if (content.kind == PickleKind::kList || content.kind == PickleKind::kTuple) {
      for (const PickleRef pair : content.items) {
        const PickleKind kind = heap_.at(pair).kind;
        const std::vector<PickleRef>& both = heap_.at(pair).items;
        if ((kind != PickleKind::kTuple && kind != PickleKind::kList) || both.size() != 2)
          fail_torch("a dict of what are no pairs");
        members.insert(members.end(), both.begin(), both.end());
      }
    } else {
      fail_torch("a dict of what is no mapping");
    }
  }
  return heap_.add(PickleKind::kDict, std::move(members));
}

PickleRef TorchObjects::make_sequence(PickleKind kind, PickleRef arguments) {
  const std::vector<PickleRef>& items = heap_.at(arguments).items;
  if (items.empty()) return heap_.add(kind, {});
  const PickleValue& content = heap_.at(items[0]);
  const bool sequence =
      content.kind == PickleKind::kList || content.kind == PickleKind::kTuple || content.kind == PickleKind::kSet;
  if (!sequence) fail_torch("a sequence of what is no sequence");
  return heap_.add(kind, content.items);
}

PickleRef TorchObjects::make_object(std::string_view class_name, PickleRef arguments) {
  PickleValue object{PickleKind::kObject};
  object.text = class_name;
  object.items = {arguments, heap_.none()};
  return heap_.add(std::move(object));
}

// bytes(), bytearray(bytes), or encode(text, "latin1"), as protocol 2 writes bytes.
PickleRef TorchObjects::make_bytes(PickleRef arguments) {
  const std::vector<PickleRef>& items = heap_.at(arguments).items;
  if (items.empty()) return heap_.add_text(PickleKind::kBytes, {});
  const PickleValue& content = heap_.at(items[0]);
  if (content.kind == PickleKind::kBytes) return items[0];
  if (content.kind != PickleKind::kString) fail_torch("bytes of what is no text");
  PickleValue bytes{PickleKind::kBytes};
  bytes.text = content.text;
  bytes.integer = 1;
  return heap_.add(std::move(bytes));
}

PickleRef TorchObjects::make_path(PickleRef arguments) {
  std::string path;
  for (const PickleRef item : heap_.at(arguments).items) {
    if (heap_.at(item).kind != PickleKind::kString) fail_torch("a path of what is no text");
    if (!path.empty() && path.back() != '/') path += '/';
    path += heap_.at(item).text;
    if (path.size() > kMaxPath) fail_torch("a path without end");
  }
  return heap_.add_text(PickleKind::kString, heap_.keep(std::move(path)));
}

}  // namespace svg
