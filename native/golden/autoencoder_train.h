#pragma once

#include "golden/case.h"

namespace svg {

void run_autoencoder_trainer(GoldenCase& golden);

}  // namespace svg
