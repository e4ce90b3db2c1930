// Runners of the decoders that came in beside the first one.
#pragma once

#include "golden/case.h"

namespace svg {

void run_hunyuan_decoder(GoldenCase& golden);
void run_rae_decoder(GoldenCase& golden);

}  // namespace svg
