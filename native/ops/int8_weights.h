// Weights whose large matrices become 8 bit as a model asks for them.
#pragma once

#include "core/int8.h"
#include "core/weights.h"
#include "ops/int8_product.h"

namespace svg {

/// `weights` but for the matrices that `takes` names: those are taken as 8 bit where they are stored so, rounded
/// elsewhere, one after the other, and what they were read from is given back. Everything else is as `weights` has it.
/// Throws Error(kWeightsMismatch) naming a matrix that is not finite.
Weights int8_weights(const Weights& weights, TakesInt8 takes, Int8Units units = int8_units());

}  // namespace svg
