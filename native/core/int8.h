// Weights as signed 8 bit with a scale for each output: how they are rounded, and how they are multiplied out again.
#pragma once

#include <ATen/ATen.h>

namespace svg {

/// W (out, in) ~ values * scale. A row of zeros has scale 0.
struct Int8Rows {
  at::Tensor values;  // (out, in) int8 in [-127, 127], on the CPU
  at::Tensor scale;   // (out) fp32, at least 0
};

/// The nearest such numbers to a weight (out, in) of any floating-point type, symmetric about 0; the largest of a row
/// is
/// +-127. Takes memory for a few hundred rows beside the result. Throws Error(kWeightsMismatch) for NaN or infinity.
Int8Rows to_int8(const at::Tensor& weight);

/// values * scale, (out, in) in `dtype`.
at::Tensor from_int8(const Int8Rows& rows, at::ScalarType dtype = at::kFloat);

}  // namespace svg
