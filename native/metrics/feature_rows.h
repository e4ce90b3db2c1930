// Rows of features as every metric takes them.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace svg {

/// `rows` (n, dimensions), fp32, contiguous, on the CPU. Throws Error(kInvalidArgument) for another shape,
/// Error(kNumeric) for numbers that are not finite: one would spoil the value of a whole set.
at::Tensor checked_rows(const at::Tensor& rows, int64_t dimensions);

}  // namespace svg
