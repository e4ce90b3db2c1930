// A matrix of 8-bit weights.
#pragma once

#include <memory>

#include "core/matrix.h"
#include "ops/int8_product.h"

namespace svg {

/// Multiplies fp32 rows, which it makes 8 bit too, by whatever there is here: where that is nothing, its weights are
/// multiplied out block by block and rows stay fp32, which is correct and slow. On the CPU, without gradients.
std::shared_ptr<const Matrix> int8_matrix(const Int8Rows& rows, Int8Units units = int8_units());

}  // namespace svg
