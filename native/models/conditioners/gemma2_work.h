// What Gemma-2 does to encode one prompt, counted.
#pragma once

#include "models/conditioners/gemma2_config.h"
#include "models/work.h"

namespace svg {

Work gemma2_work(const Gemma2Config& config, int64_t tokens, int64_t element_bytes);

}  // namespace svg
