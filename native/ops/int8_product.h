// Products of unsigned and signed 8-bit numbers by oneDNN, as libtorch exports it.
#pragma once

#include <ATen/ATen.h>

#include "core/int8.h"

namespace svg {

/// What multiplies 8-bit numbers exactly and fast here. Processors older than VNNI add two such products in 16 bits,
/// which overflow; those without are left to fp32.
enum class Int8Units { kNone, kVnni, kAmx };

/// Asked of the processor and tried on numbers that would overflow, once a process.
Int8Units int8_units();

/// "none", "vnni", "amx".
const char* int8_units_name(Int8Units units);

/// Weights in oneDNN's own order of elements.
class PackedInt8 {
 public:
  /// Copies the values. Of at most kInt8MostInputs inputs.
  explicit PackedInt8(const Int8Rows& rows);

  /// (x - 128) W^T times the scale of each output: (T, out) fp32. x (T, in) uint8; sums are exact up to this scale.
  at::Tensor product(const at::Tensor& x) const;
  /// The weights as they were before; takes as long as a product of `in` rows.
  Int8Rows unpacked() const;

  int64_t in() const { return in_; }
  int64_t out() const { return scale_.size(0); }

 private:
  at::Tensor product(const at::Tensor& x, const at::Tensor& scale) const;

  int64_t in_;
  at::Tensor packed_, scale_, zero_points_;
};

/// More inputs could overflow a sum of 32 bits: 255 * 127 * in < 2^31.
constexpr int64_t kInt8MostInputs = 65536;

}  // namespace svg
