// Devices and dtypes by the names that users write.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "core/json.h"

namespace svg {

/// "cpu", "cuda", "cuda:N". Throws Error(kDeviceUnavailable) with the cause and the fix.
at::Device parse_device(const std::string& name);

/// What a pipeline computes in.
struct Precision {
  at::ScalarType compute = at::kFloat;  // of activations, and of matrices where these are plain
  bool int8 = false;                    // large matrices are 8 bit, and so is what they are multiplied by

  /// "int8", "fp32", "bf16", "fp16".
  const char* name() const;
  /// Of an activation.
  int64_t element_bytes() const { return static_cast<int64_t>(c10::elementSize(compute)); }
};

/// "fp32", "bf16", "fp16", "int8", or "auto": bf16 on a CPU with bf16 matrix instructions and on a GPU of compute
/// capability 8.0 or more, fp32 elsewhere. Beside int8 everything is fp32. Throws Error(kInvalidArgument).
Precision parse_precision(const std::string& name, at::Device device);
/// The same of a part that may compute in 8 bit: "auto" is int8 on a CPU where its matrices are stored so.
Precision parse_precision(const std::string& name, at::Device device, bool stored_int8);
/// The same where matrices are plain: refuses int8.
at::ScalarType parse_dtype(const std::string& name, at::Device device);

const char* dtype_short_name(at::ScalarType dtype);

/// Versions, devices and what the processor can do.
Json runtime_info();

}  // namespace svg
