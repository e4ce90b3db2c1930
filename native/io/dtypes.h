// Names of element types in the file formats.
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <string>
#include <string_view>

namespace svg {

/// "F32" -> kFloat, as in safetensors headers; empty for a name that the format does not know.
std::optional<at::ScalarType> dtype_of_safetensors(std::string_view name);
/// Throws Error(kInvalidArgument) for a type that safetensors cannot hold.
std::string safetensors_name(at::ScalarType dtype);

/// "float32" or "float" -> kFloat, as torch.float32 prints.
std::optional<at::ScalarType> dtype_of_torch(std::string_view name);
/// "float32"; the name that JavaScript and Python use.
std::string torch_name(at::ScalarType dtype);

/// "FloatStorage" -> kFloat; empty for untyped, quantised and complex storages.
std::optional<at::ScalarType> dtype_of_storage(std::string_view name);
/// "FloatStorage"; empty for types that came after typed storages.
std::string storage_name(at::ScalarType dtype);

/// An element type that files hold and nothing here computes with: its tensors are listed, not read.
struct ListedType {
  std::string name;  // torch's where it has one, the file's own elsewhere
  int64_t bits = 0;  // of one element; 0 where it is not known
};

/// "F8_E8M0", "F4", "C64" and names that are still to come; empty for what cannot be a name of the format.
std::optional<ListedType> listed_type_of_safetensors(std::string_view name);
/// "float8_e8m0fnu", "complex64", "bits16" and the like, their size told by the digits; empty for other names.
std::optional<ListedType> listed_type_of_torch(std::string_view name);
/// "ComplexFloatStorage"; empty elsewhere.
std::optional<ListedType> listed_type_of_storage(std::string_view name);

}  // namespace svg
