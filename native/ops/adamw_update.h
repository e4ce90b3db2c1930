// One optimiser step over many parameters in one pass: clipping, AdamW, moving averages and rounded copies.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "kernels/adamw.h"

namespace svg {

/// A parameter with what a step reads and writes beside it, all of its shape and on its device.
struct AdamWTensors {
  at::Tensor parameter;            // fp32, as all but the last two
  at::Tensor exp_avg, exp_avg_sq;  // moments
  at::Tensor average;              // undefined: none is kept
  at::Tensor copy;                 // the parameter in the dtype that is computed in; undefined: none
  at::Tensor gradient;             // in either dtype; undefined: the average alone follows the parameter
};

/// In place. norm () fp64: of all gradients together, before clipping; where it is not finite nothing changes. steps ()
/// int64, where the parameters lie: how many were applied, one more after. The host looks at neither.
void adamw_update(const std::vector<AdamWTensors>& parameters, const AdamWRule& rule, const at::Tensor& norm,
                  const at::Tensor& steps);

/// The same, operation by operation as torch's own Adam, to the last bit. The host waits for the norm.
void adamw_update_reference(const std::vector<AdamWTensors>& parameters, const AdamWRule& rule, const at::Tensor& norm,
                            const at::Tensor& steps);

}  // namespace svg
