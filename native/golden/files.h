// Runner of the golden cases of weight files.
#pragma once

#include "golden/case.h"

namespace svg {

/// config-free: `files` with the tensors that must be read, `refuse` with the files that must not.
void run_torch_file(GoldenCase& golden);

}  // namespace svg
