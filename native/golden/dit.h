// Runners of the diffusion transformers' golden cases.
#pragma once

#include "golden/case.h"

namespace svg {

void run_next_dit(GoldenCase& golden);
void run_svg_dit(GoldenCase& golden);
void run_dit_trainer(GoldenCase& golden);

}  // namespace svg
