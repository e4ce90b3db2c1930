#include "ops/layer_input.h"

#include "ops/quantise.h"

namespace svg {

at::Tensor LayerInput::plain() const { return quantised_ ? dequantised(*quantised_) : plain_; }

LayerInput LayerInput::some(const at::Tensor& rows) const {
  if (!quantised_) return LayerInput(plain_.index_select(0, rows));
  return LayerInput(QuantisedRows{quantised_->values.index_select(0, rows), quantised_->scale.index_select(0, rows)});
}

}  // namespace svg
