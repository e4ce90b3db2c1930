// Runner of RAE's transformer.
#pragma once

#include "golden/case.h"

namespace svg {

void run_rae_dit(GoldenCase& golden);

}  // namespace svg
