// What goes into linear layers: rows as their matrices take them.
#pragma once

#include <ATen/ATen.h>

#include <optional>

#include "core/int8.h"

namespace svg {

/// Rows (T, in): plain ones, or 8-bit ones for matrices of 8 bit.
class LayerInput {
 public:
  LayerInput(at::Tensor plain) : plain_(std::move(plain)) {}
  LayerInput(QuantisedRows rows) : quantised_(std::move(rows)) {}

  /// Null where the rows are plain.
  const QuantisedRows* quantised() const { return quantised_ ? &*quantised_ : nullptr; }
  /// Of 8-bit rows what they stand for, in fp32.
  at::Tensor plain() const;
  /// Those of index `rows` (S) int64.
  LayerInput some(const at::Tensor& rows) const;

 private:
  at::Tensor plain_;
  std::optional<QuantisedRows> quantised_;
};

}  // namespace svg
