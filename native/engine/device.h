// Devices and dtypes by the names that users write.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "core/json.h"

namespace svg {

/// "cpu", "cuda", "cuda:N". Throws Error(kDeviceUnavailable) with the cause and the fix.
at::Device parse_device(const std::string& name);

/// "fp32", "bf16", "fp16", or "auto": bf16 on a CPU with bf16 matrix instructions and on a GPU of compute capability
/// 8.0 or more, fp32 elsewhere. Throws Error(kInvalidArgument).
at::ScalarType parse_dtype(const std::string& name, at::Device device);

const char* dtype_short_name(at::ScalarType dtype);

/// Versions, devices and what the processor can do.
Json runtime_info();

}  // namespace svg
