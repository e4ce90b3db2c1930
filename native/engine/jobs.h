// The handlers, one file per group; jobs.cpp holds the table of kinds.
#pragma once

#include "engine/job.h"

namespace svg::jobs {

// catalogue.cpp
JobResult catalogue(EngineState&, const Request& request, const TensorMap&, const EventSink&);

// runtime.cpp
JobResult bench(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult count_launches(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult golden(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult memory(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult sleep(EngineState&, const Request& request, const TensorMap&, const EventSink&);

// estimate.cpp
JobResult count(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult probe(EngineState&, const Request& request, const TensorMap&, const EventSink&);

// kernels.cpp
JobResult check_kernels(EngineState&, const Request& request, const TensorMap&, const EventSink&);

// init.cpp
JobResult init_weights(EngineState&, const Request& request, const TensorMap&, const EventSink&);

// files.cpp
JobResult convert(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult inspect(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult read_tensors(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult verify(EngineState&, const Request& request, const TensorMap&, const EventSink&);

// load.cpp
JobResult encoder_source(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult load(EngineState&, const Request& request, const TensorMap&, const EventSink&);

// train.cpp
JobResult train_open(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult train_step(EngineState&, const Request& request, const TensorMap& tensors, const EventSink&);
JobResult train_report(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult train_save(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult train_restore(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult train_export(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult train_publish(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult train_close(EngineState&, const Request& request, const TensorMap&, const EventSink&);

// dist.cpp
JobResult dist_open(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult dist_agree(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult dist_barrier(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult dist_reduce(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult dist_gather(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult dist_close(EngineState&, const Request& request, const TensorMap&, const EventSink&);

// features.cpp
JobResult cache_write(EngineState&, const Request& request, const TensorMap& tensors, const EventSink&);
JobResult statistics_add(EngineState&, const Request& request, const TensorMap& tensors, const EventSink&);
JobResult statistics_save(EngineState&, const Request& request, const TensorMap&, const EventSink&);

// measure.cpp
JobResult measure_open(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult measure_add(EngineState&, const Request& request, const TensorMap& tensors, const EventSink&);
JobResult measure_reference(EngineState&, const Request& request, const TensorMap& tensors, const EventSink&);
JobResult measure_statistics(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult measure_result(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult measure_pairs(EngineState&, const Request& request, const TensorMap& tensors, const EventSink&);
JobResult measure_close(EngineState&, const Request& request, const TensorMap&, const EventSink&);

// images.cpp, text.cpp
JobResult encode(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult decode(EngineState&, const Request& request, const TensorMap&, const EventSink&);
JobResult generate_text(EngineState&, const Request& request, const TensorMap&, const EventSink&);

}  // namespace svg::jobs
