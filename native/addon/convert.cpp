#include "addon/convert.h"

#include <cstring>

#include "core/error.h"

namespace svg::addon {
namespace {

struct DtypeEntry {
  const char* name;
  at::ScalarType dtype;
  napi_typedarray_type array;  // of the data that JavaScript receives
};

// bfloat16 and float16 have no typed array on Node 20: their bits travel as Uint16Array.
constexpr DtypeEntry kDtypes[] = {
    {"float32", at::kFloat, napi_float32_array},    {"float64", at::kDouble, napi_float64_array},
    {"int64", at::kLong, napi_bigint64_array},      {"int32", at::kInt, napi_int32_array},
    {"int16", at::kShort, napi_int16_array},        {"int8", at::kChar, napi_int8_array},
    {"uint8", at::kByte, napi_uint8_array},         {"bool", at::kBool, napi_uint8_array},
    {"bfloat16", at::kBFloat16, napi_uint16_array}, {"float16", at::kHalf, napi_uint16_array},
};

template <typename Array>
Napi::Value new_array(Napi::Env env, size_t length, const Napi::ArrayBuffer& buffer) {
  return Array::New(env, length, buffer, 0);
}

Napi::Value wrap_buffer(Napi::Env env, napi_typedarray_type type, size_t length, const Napi::ArrayBuffer& buffer) {
  switch (type) {
    case napi_float32_array: return new_array<Napi::Float32Array>(env, length, buffer);
    case napi_float64_array: return new_array<Napi::Float64Array>(env, length, buffer);
    case napi_bigint64_array: return new_array<Napi::BigInt64Array>(env, length, buffer);
    case napi_int32_array: return new_array<Napi::Int32Array>(env, length, buffer);
    case napi_int16_array: return new_array<Napi::Int16Array>(env, length, buffer);
    case napi_int8_array: return new_array<Napi::Int8Array>(env, length, buffer);
    case napi_uint16_array: return new_array<Napi::Uint16Array>(env, length, buffer);
    default: return new_array<Napi::Uint8Array>(env, length, buffer);
  }
}

at::Tensor tensor_from_js(const std::string& name, const Napi::Value& value) {
  const auto check = [&](bool ok, const char* what) {
    SVG_CHECK(ok, ErrorCode::kInvalidArgument, "tensor \"", name, "\": ", what);
  };
  check(value.IsObject(), "expected {dtype, shape, data}");
  const auto object = value.As<Napi::Object>();
  const Napi::Value dtype_value = object.Get("dtype");
  const Napi::Value shape_value = object.Get("shape");
  const Napi::Value data_value = object.Get("data");
  check(dtype_value.IsString() && shape_value.IsArray() && data_value.IsTypedArray(), "expected {dtype, shape, data}");
  const std::string dtype_name = dtype_value.As<Napi::String>().Utf8Value();
  const DtypeEntry* entry = nullptr;
  for (const DtypeEntry& known : kDtypes) {
    if (dtype_name == known.name) entry = &known;
  }
  check(entry != nullptr, "unknown dtype");
  const auto shape_array = shape_value.As<Napi::Array>();
  std::vector<int64_t> shape;
  int64_t bytes = static_cast<int64_t>(at::elementSize(entry->dtype));
  for (uint32_t i = 0; i < shape_array.Length(); ++i) {
    const Napi::Value side = shape_array.Get(i);
    check(side.IsNumber(), "the shape holds something that is no number");
    shape.push_back(side.As<Napi::Number>().Int64Value());
    check(shape.back() >= 0 && !__builtin_mul_overflow(bytes, shape.back(), &bytes), "impossible shape");
  }
  const auto data = data_value.As<Napi::TypedArray>();
  check(static_cast<int64_t>(data.ByteLength()) == bytes, "the data's length does not fit the shape");
  at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(entry->dtype));
  if (bytes > 0) {
    std::memcpy(tensor.data_ptr(), static_cast<const char*>(data.ArrayBuffer().Data()) + data.ByteOffset(), bytes);
  }
  return tensor;
}

Napi::Object tensor_to_js(Napi::Env env, const at::Tensor& tensor) {
  const DtypeEntry* entry = nullptr;
  for (const DtypeEntry& known : kDtypes) {
    if (tensor.scalar_type() == known.dtype) entry = &known;
  }
  const at::Tensor plain = (entry ? tensor : tensor.to(at::kFloat)).to(at::kCPU).contiguous();
  if (!entry) entry = &kDtypes[0];
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, plain.nbytes());
  if (plain.nbytes() > 0) std::memcpy(buffer.Data(), plain.data_ptr(), plain.nbytes());
  Napi::Array shape = Napi::Array::New(env, plain.dim());
  for (int64_t i = 0; i < plain.dim(); ++i) {
    shape.Set(static_cast<uint32_t>(i), Napi::Number::New(env, static_cast<double>(plain.size(i))));
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("dtype", entry->name);
  object.Set("shape", shape);
  object.Set("data", wrap_buffer(env, entry->array, plain.numel(), buffer));
  return object;
}

}  // namespace

TensorMap tensors_from_js(const Napi::Object& tensors) {
  TensorMap result;
  const Napi::Array names = tensors.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).As<Napi::String>().Utf8Value();
    result[name] = tensor_from_js(name, tensors.Get(name));
  }
  return result;
}

Napi::Object tensors_to_js(Napi::Env env, const TensorMap& tensors) {
  Napi::Object result = Napi::Object::New(env);
  for (const auto& [name, tensor] : tensors) result.Set(name, tensor_to_js(env, tensor));
  return result;
}

}  // namespace svg::addon
