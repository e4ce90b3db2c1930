// What an engine holds between jobs. Touched by the engine's thread only.
#pragma once

#include <memory>

#include "engine/measure/measurement.h"
#include "engine/models.h"
#include "engine/training/feature_moments.h"
#include "engine/training/training_run.h"

namespace svg {

struct EngineState : EngineModels {
  std::unique_ptr<TrainingRun> training;  // ends before the group that it uses
  FeatureMoments feature_moments;
  std::unique_ptr<Measurement> measurement;
};

}  // namespace svg
