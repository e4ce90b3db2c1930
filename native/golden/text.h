// Golden cases of the text encoder.
#pragma once

#include "golden/case.h"

namespace svg {

/// "gemma2": features, next-token logits and greedy continuation.
void run_gemma2(GoldenCase& golden);

}  // namespace svg
