#include "ops/between_layers.h"

#include "ops/quantise.h"
#include "ops/residual_norm.h"
#include "ops/swiglu.h"

namespace svg {
namespace {

bool stays_int8(const Linear& next, const Linear& gate, const Linear& up, const LayerInput& x) {
  return x.quantised() && gate.multiplies_int8() && up.multiplies_int8() && next.multiplies_int8();
}

}  // namespace

LayerInput norm_for(const Linear& next, const at::Tensor& x, const RowWeights& weights, double eps) {
  if (next.multiplies_int8()) return LayerInput(quantised_rms_norm(x, weights, eps));
  return LayerInput(scaled_rms_norm(x, weights, eps, next.dtype()));
}

NormedSum residual_norm_for(const Linear& next, const at::Tensor& x, const at::Tensor& y, const RowWeights& closing,
                            double eps, const at::Tensor& opening, double next_eps) {
  if (next.multiplies_int8()) {
    const at::Tensor sum = add_scaled_rms_norm(x, y, closing, eps);
    return {sum, norm_for(next, sum, {opening, closing.group}, next_eps)};
  }
  const ResidualNorm both = residual_norm(x, y, closing, eps, opening, next_eps, next.dtype());
  return {both.sum, LayerInput(both.normed)};
}

LayerInput swiglu_for(const Linear& next, const Linear& gate, const Linear& up, const LayerInput& x) {
  if (!x.quantised()) return LayerInput(gate.gated(up, x.plain()));
  if (!stays_int8(next, gate, up, x)) return LayerInput(swiglu(gate(x), up(x)));
  const QuantisedRows& rows = *x.quantised();
  return LayerInput(quantised_swiglu(gate.unscaled(rows), up.unscaled(rows), rows.scale));
}

LayerInput geglu_for(const Linear& next, const Linear& gate, const Linear& up, const LayerInput& x) {
  if (!stays_int8(next, gate, up, x)) return LayerInput(at::gelu(gate(x), "tanh") * up(x));
  const QuantisedRows& rows = *x.quantised();
  return LayerInput(quantised_geglu(gate.unscaled(rows), up.unscaled(rows), rows.scale));
}

}  // namespace svg
