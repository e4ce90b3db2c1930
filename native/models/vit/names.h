// Weights of a vision transformer under other names than their own.
#pragma once

#include "core/weights.h"
#include "models/vit/vit.h"

namespace svg {

/// `weights`, which stand under the names `stored`, under the names `wanted`, where projections and gates are joined
/// (one name each). Of a joined bias the parts that are not stored are zeros.
Weights under_vit_names(const Weights& weights, const VitNames& stored, const VitNames& wanted);

}  // namespace svg
