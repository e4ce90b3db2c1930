#pragma once

#include "golden/case.h"

namespace svg {

void run_dinov2(GoldenCase& golden);
void run_siglip2(GoldenCase& golden);
void run_mae(GoldenCase& golden);

}  // namespace svg
