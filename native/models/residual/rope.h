// SVG-T2I's residual branch (models/residual_vit.h) as an entry of the catalogue.
#pragma once

#include "models/kinds.h"

namespace svg {

ResidualKind rope_residual_kind();

}  // namespace svg
