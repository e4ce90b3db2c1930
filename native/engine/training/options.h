// What the requests of both stages share.
#pragma once

#include "core/json.h"
#include "core/weights.h"
#include "distributed/parameter_sync.h"
#include "train/adamw.h"

namespace svg {

/// "optimizer": {"lr", "beta1", "beta2", "eps", "weightDecay"}, each optional.
AdamWOptions adamw_options(const Json& request, AdamWOptions defaults);

/// "parallel"?: {"mode": "ddp" | "sdp", "bucketBytes"?}.
SyncOptions sync_options(const Json& request);

/// The tensors of "start": {"path", "weights"?: key of the file that holds them}, as a model names them; empty without
/// one. What there is to say of the file goes to `remarks`. Throws as open_model() does (io/identify.h).
TensorMap read_start(const Json& request, Json& remarks);

}  // namespace svg
