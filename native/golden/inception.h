#pragma once

#include "golden/case.h"

namespace svg {

/// "inception": pictures to the features, answers and spatial features of FID's Inception v3, each picture alone.
void run_inception(GoldenCase& golden);

}  // namespace svg
