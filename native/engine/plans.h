// Kinds and dimensions of the parts of a pipeline, before anything of them is read.
#pragma once

#include <optional>

#include "core/request.h"
#include "models/autoencoder.h"
#include "models/catalogue.h"
#include "models/counted_weights.h"

namespace svg {

/// The entry that a configuration names, or that the weights belong to. Throws Error(kWeightsMismatch) where none does.
const VelocityKind& velocity_kind_in(const Weights& weights, const Json& said);

struct PlannedVelocity {
  VelocityPlan plan;
  WeightCount weights;
  int64_t patch_size = 1;  // cells of a token and side
  Cells most;
  std::optional<Cells> usual;
};

struct PlannedDecoder {
  DecoderPlan plan;
  WeightCount weights;  // of the whole autoencoder, as far as it is there
};

struct PlannedConditioner {
  ConditionerPlan plan;
  WeightCount weights;
};

/// What `load` would load, counted from the headers of its files; or published dimensions, without a file.
struct PlannedParts {
  std::optional<PlannedVelocity> dit, weak;
  std::optional<PlannedDecoder> autoencoder;
  std::optional<PlannedConditioner> text_encoder;

  /// Of the weights in memory, with matrices of so many bytes an element.
  int64_t weight_bytes(int64_t element_bytes) const;
};

/// {"dit"?: {"path", "config"?, "weak"?}, "autoencoder"?: {"checkpoint", "encoder"?, "statistics"?, "config"?},
/// "textEncoder"?: {"path", "attentionSoftCap"}} as `load` takes them, each also as {"preset": {"kind", "config"}}.
/// Throws as `load` does for files that are none of these.
PlannedParts plan_parts(const Request& request);

}  // namespace svg
