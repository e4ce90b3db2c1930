#include "io/dtypes.h"

#include "core/error.h"

namespace svg {
namespace {

struct Names {
  at::ScalarType dtype;
  const char* safetensors;
  const char* torch;
  const char* alias;    // torch's second name
  const char* storage;  // nullptr: saved through UntypedStorage
};

constexpr Names kNames[] = {
    {at::kFloat, "F32", "float32", "float", "FloatStorage"},
    {at::kBFloat16, "BF16", "bfloat16", "bfloat16", "BFloat16Storage"},
    {at::kHalf, "F16", "float16", "half", "HalfStorage"},
    {at::kDouble, "F64", "float64", "double", "DoubleStorage"},
    {at::kLong, "I64", "int64", "long", "LongStorage"},
    {at::kInt, "I32", "int32", "int", "IntStorage"},
    {at::kShort, "I16", "int16", "short", "ShortStorage"},
    {at::kChar, "I8", "int8", "int8", "CharStorage"},
    {at::kByte, "U8", "uint8", "uint8", "ByteStorage"},
    {at::kBool, "BOOL", "bool", "bool", "BoolStorage"},
    {at::kUInt16, "U16", "uint16", "uint16", nullptr},
    {at::kUInt32, "U32", "uint32", "uint32", nullptr},
    {at::kUInt64, "U64", "uint64", "uint64", nullptr},
    {at::kFloat8_e4m3fn, "F8_E4M3", "float8_e4m3fn", "float8_e4m3fn", nullptr},
    {at::kFloat8_e5m2, "F8_E5M2", "float8_e5m2", "float8_e5m2", nullptr},
};

const Names* names_of(at::ScalarType dtype) {
  for (const Names& names : kNames) {
    if (names.dtype == dtype) return &names;
  }
  return nullptr;
}

}  // namespace

std::optional<at::ScalarType> dtype_of_safetensors(std::string_view name) {
  for (const Names& names : kNames) {
    if (name == names.safetensors) return names.dtype;
  }
  return std::nullopt;
}

std::string safetensors_name(at::ScalarType dtype) {
  const Names* names = names_of(dtype);
  SVG_CHECK(names, ErrorCode::kInvalidArgument, "[safetensors] cannot hold tensors of type ", at::toString(dtype));
  return names->safetensors;
}

std::optional<at::ScalarType> dtype_of_torch(std::string_view name) {
  for (const Names& names : kNames) {
    if (name == names.torch || name == names.alias) return names.dtype;
  }
  return std::nullopt;
}

std::string torch_name(at::ScalarType dtype) {
  const Names* names = names_of(dtype);
  return names ? names->torch : at::toString(dtype);
}

std::optional<at::ScalarType> dtype_of_storage(std::string_view name) {
  for (const Names& names : kNames) {
    if (names.storage && name == names.storage) return names.dtype;
  }
  return std::nullopt;
}

std::string storage_name(at::ScalarType dtype) {
  const Names* names = names_of(dtype);
  return names && names->storage ? names->storage : "";
}

}  // namespace svg
