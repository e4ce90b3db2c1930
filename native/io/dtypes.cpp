#include "io/dtypes.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "core/error.h"

namespace svg {
namespace {

struct DtypeNames {
  at::ScalarType dtype;
  const char* safetensors;
  const char* torch;
  const char* alias;    // torch's second name
  const char* storage;  // nullptr: saved through UntypedStorage
};

constexpr DtypeNames kNames[] = {
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

struct ListedNames {
  const char* safetensors;
  const char* name;
  int64_t bits;
};

// Source: safetensors 0.8, enum Dtype. A shape counts elements there, also where several share a byte.
constexpr ListedNames kListed[] = {
    {"F4", "F4", 4},
    {"F6_E2M3", "F6_E2M3", 6},
    {"F6_E3M2", "F6_E3M2", 6},
    {"F8_E8M0", "float8_e8m0fnu", 8},
    {"F8_E4M3FNUZ", "float8_e4m3fnuz", 8},
    {"F8_E5M2FNUZ", "float8_e5m2fnuz", 8},
    {"C64", "complex64", 64},
};

constexpr size_t kMaxDtypeNameBytes = 32;

bool is_upper_digit(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }
bool is_lower_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

const DtypeNames* names_of(at::ScalarType dtype) {
  for (const DtypeNames& names : kNames) {
    if (names.dtype == dtype) return &names;
  }
  return nullptr;
}

}  // namespace

std::optional<at::ScalarType> dtype_of_safetensors(std::string_view name) {
  for (const DtypeNames& names : kNames) {
    if (name == names.safetensors) return names.dtype;
  }
  return std::nullopt;
}

std::string safetensors_name(at::ScalarType dtype) {
  const DtypeNames* names = names_of(dtype);
  SVG_CHECK(names, ErrorCode::kInvalidArgument, "[safetensors] cannot hold tensors of type ", at::toString(dtype));
  return names->safetensors;
}

std::optional<at::ScalarType> dtype_of_torch(std::string_view name) {
  for (const DtypeNames& names : kNames) {
    if (name == names.torch || name == names.alias) return names.dtype;
  }
  return std::nullopt;
}

std::string torch_name(at::ScalarType dtype) {
  const DtypeNames* names = names_of(dtype);
  return names ? names->torch : at::toString(dtype);
}

std::optional<at::ScalarType> dtype_of_storage(std::string_view name) {
  for (const DtypeNames& names : kNames) {
    if (names.storage && name == names.storage) return names.dtype;
  }
  return std::nullopt;
}

std::string storage_name(at::ScalarType dtype) {
  const DtypeNames* names = names_of(dtype);
  return names && names->storage ? names->storage : "";
}

std::optional<ListedType> listed_type_of_safetensors(std::string_view name) {
  for (const ListedNames& listed : kListed) {
    if (name == listed.safetensors) return ListedType{listed.name, listed.bits};
  }
  const bool plain = !name.empty() && name.size() <= kMaxDtypeNameBytes && name[0] >= 'A' && name[0] <= 'Z' &&
                     std::all_of(name.begin(), name.end(), is_upper_digit);
  return plain ? std::optional(ListedType{std::string(name), 0}) : std::nullopt;
}

std::optional<ListedType> listed_type_of_torch(std::string_view name) {
  if (name.size() > kMaxDtypeNameBytes || !std::all_of(name.begin(), name.end(), is_lower_digit)) return std::nullopt;
  for (const std::string_view kind : {"float", "complex", "bits", "uint", "int", "qint", "quint"}) {
    if (name.substr(0, kind.size()) != kind) continue;
    int64_t bits = 0;
    const auto number = std::from_chars(name.data() + kind.size(), name.data() + name.size(), bits);
    if (number.ec != std::errc() || bits < 1 || bits > 1024) return std::nullopt;
    return ListedType{std::string(name), (bits + 7) / 8 * 8};  // "float4_e2m1fn_x2" is a byte of two
  }
  return std::nullopt;
}

std::optional<ListedType> listed_type_of_storage(std::string_view name) {
  if (name == "ComplexFloatStorage") return ListedType{"complex64", 64};
  if (name == "ComplexDoubleStorage") return ListedType{"complex128", 128};
  return std::nullopt;
}

}  // namespace svg
