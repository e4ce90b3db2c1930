// What a job is: a request in, events while it runs, a result or an error at the end.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/request.h"
#include "core/weights.h"

namespace svg {

struct EngineState;

struct JobResult {
  Json value;
  TensorMap tensors;
};

/// Sends an event of the running job to JavaScript; never waits for it.
using EventSink = std::function<void(Json event, TensorMap tensors)>;

/// Runs on the engine's thread, without autograd. A handler asks check_cancelled() (core/cancel.h) in its loops.
using JobHandler = JobResult (*)(EngineState& state, const Request& request, const TensorMap& tensors,
                                 const EventSink& emit);

/// How a job goes along with pictures that are being drawn.
enum class JobWay {
  kDraws,  // joins them (engine/sampling_session.h); it has no handler
  kReads,  // changes nothing that they use: runs between two of their steps
  kAlone,  // waits for their end, and nothing behind it is begun before
};

struct JobKind {
  JobWay way = JobWay::kAlone;
  JobHandler run = nullptr;
};

enum class JobSet { kPublic, kWithThoseOfTests };

/// Throws Error(kInternal) that lists the known kinds: which there are is for this program to know.
JobKind find_job(const std::string& kind, JobSet set);

/// In ascending order.
std::vector<std::string> job_kinds(JobSet set);

}  // namespace svg
