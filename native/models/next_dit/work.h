// What the NextDiT does, counted: one guided or plain evaluation, and a caption's way through its refiner.
#pragma once

#include "models/next_dit/config.h"
#include "models/training_memory.h"
#include "models/work.h"

namespace svg {

Work next_dit_work(const NextDitConfig& config, const VelocityLoad& load);
TrainingMemory next_dit_training_memory(const NextDitConfig& config, const VelocityLoad& load);
Work next_dit_caption_work(const NextDitConfig& config, int64_t tokens, int64_t element_bytes);

}  // namespace svg
