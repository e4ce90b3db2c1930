// Typed arrays to tensors and back, always by copy: JavaScript may change or detach its buffers.
#pragma once

#include <napi.h>

#include "core/weights.h"

namespace svg::addon {

/// {name: {dtype, shape, data}} -> CPU tensors. Throws Error(kInvalidArgument) naming the tensor.
TensorMap tensors_from_js(const Napi::Object& tensors);
/// CPU tensors -> {name: {dtype, shape, data}}.
Napi::Object tensors_to_js(Napi::Env env, const TensorMap& tensors);

}  // namespace svg::addon
