// Numbers of 8 bit: weights with a scale for each output, activations with one for each row.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>

namespace svg {

/// W (out, in) ~ values * scale. A row of zeros has scale 0.
struct Int8Rows {
  at::Tensor values;  // (out, in) int8 in [-127, 127], on the CPU
  at::Tensor scale;   // (out) fp32, at least 0
};

/// x (T, in) ~ (values - 128) * scale: what such weights are multiplied by. A row that is not finite has scale NaN.
struct QuantisedRows {
  at::Tensor values;  // (T, in) uint8 in [1, 255]
  at::Tensor scale;   // (T) fp32
};
constexpr int64_t kInt8Zero = 128;

/// Whether a matrix of this name and shape becomes 8 bit (models/kinds.h).
using TakesInt8 = std::function<bool(const std::string& name, at::IntArrayRef shape)>;

/// The nearest such numbers to a weight (out, in) of any floating-point type, symmetric about 0; the largest of a row
/// is +-127. Takes memory for a few hundred rows beside the result. Throws Error(kWeightsMismatch) for NaN or infinity
/// (naming the matrix where a name is given).
Int8Rows to_int8(const at::Tensor& weight, const std::string& name = "");

/// values * scale, (out, in) in `dtype`.
at::Tensor from_int8(const Int8Rows& rows, at::ScalarType dtype = at::kFloat);

}  // namespace svg
