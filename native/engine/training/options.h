// What the requests of both stages share.
#pragma once

#include "core/request.h"
#include "core/weights.h"
#include "distributed/parameter_sync.h"
#include "train/adamw.h"
#include "train/ema.h"

namespace svg {

/// Of "optimizer": {"lr", "betas", "eps", "weightDecay", "gradClip"}, all but the last.
AdamWOptions adamw_options(const Request& optimizer);

/// "ema": {"decay", "warmup"}.
EmaOptions ema_options(const Request& ema);

/// "parallel"?: {"mode": "ddp" | "sdp", "bucketBytes"}, of a run of several processes.
SyncOptions sync_options(const Request& request);

/// The tensors of "start": {"path", "weights"?: key of the file that holds them}, as a model names them; empty without
/// one. What there is to say of the file goes to `remarks`. Throws as open_model() does (io/identify.h).
TensorMap read_start(const Request& request, Json& remarks);

}  // namespace svg
