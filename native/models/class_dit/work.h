// What SVG's class-conditional transformer does in one evaluation, counted.
#pragma once

#include "models/class_dit/config.h"
#include "models/training_memory.h"
#include "models/work.h"

namespace svg {

Work class_dit_work(const ClassDitConfig& config, const VelocityLoad& load);
TrainingMemory class_dit_training_memory(const ClassDitConfig& config, const VelocityLoad& load);

}  // namespace svg
