// What RAE's transformer does in one evaluation, counted.
#pragma once

#include "models/rae_dit/rae_dit.h"
#include "models/work.h"

namespace svg {

Work rae_dit_work(const RaeDitConfig& config, const VelocityLoad& load);

}  // namespace svg
