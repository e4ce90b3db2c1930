// Jobs that read and write weight files.
#include "engine/jobs.h"
#include "io/checkpoint.h"

namespace svg::jobs {

/// {"path", "names"?} -> the tensors themselves, copied; all of the file where no names are given.
JobResult read_tensors(EngineState&, const Json& request, const TensorMap&, const EventSink&) {
  const auto checkpoint = open_checkpoint(request.at("path").as_string());
  JobResult result{Json::object(), {}};
  if (const Json* names = request.find("names")) {
    for (const Json& name : names->as_array()) result.tensors[name.as_string()] = checkpoint->read(name.as_string()).clone();
  } else {
    for (const auto& entry : checkpoint->tensors()) result.tensors[entry.first] = checkpoint->read(entry.first).clone();
  }
  return result;
}

}  // namespace svg::jobs
