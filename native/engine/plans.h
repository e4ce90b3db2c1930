// Kinds and dimensions of the parts of a pipeline, before anything of them is read.
#pragma once

#include <optional>

#include "core/request.h"
#include "engine/device.h"
#include "models/autoencoder.h"
#include "models/catalogue.h"
#include "models/counted_weights.h"

namespace svg {

/// The entry that a configuration names, or that the weights belong to. Throws Error(kWeightsMismatch) where none does.
const VelocityKind& velocity_kind_in(const Weights& weights, const Json& said);

/// What the weights of a part take, and how its file stores them.
struct PlannedWeights {
  WeightCount weights;
  bool stored_int8 = false;  // where the part may compute so

  /// What the part computes in where `dtype` is asked of the pipeline, as `load` has it.
  Precision precision(const std::string& dtype, at::Device device) const;
  /// In memory.
  int64_t bytes(const std::string& dtype, at::Device device) const;
};

struct PlannedVelocity : PlannedWeights {
  VelocityPlan plan;
  int64_t patch_size = 1;  // cells of a token and side
  Cells most;
  std::optional<Cells> usual;
};

/// Weights of the whole autoencoder, as far as it is there.
struct PlannedDecoder : PlannedWeights {
  DecoderPlan plan;
};

struct PlannedConditioner : PlannedWeights {
  ConditionerPlan plan;
};

/// What `load` would load, counted from the headers of its files; or published dimensions, without a file.
struct PlannedParts {
  std::optional<PlannedVelocity> dit, weak;
  std::optional<PlannedDecoder> autoencoder;
  std::optional<PlannedConditioner> text_encoder;

  /// Of the weights in memory.
  int64_t weight_bytes(const std::string& dtype, at::Device device) const;
};

/// {"dit"?: {"path", "config"?, "weak"?}, "autoencoder"?: {"checkpoint", "encoder"?, "statistics"?, "config"?},
/// "textEncoder"?: {"path", "attentionSoftCap"}} as `load` takes them, each also as {"preset": {"kind", "config"}}.
/// Throws as `load` does for files that are none of these.
PlannedParts plan_parts(const Request& request);

}  // namespace svg
