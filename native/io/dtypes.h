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

}  // namespace svg
