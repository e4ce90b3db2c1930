// Jobs about the engine itself: golden cases and memory.
#include <fstream>

#include "engine/jobs.h"
#include "golden/case.h"

namespace svg::jobs {

/// {"folder"} -> the case's report (golden/case.h).
JobResult golden(EngineState&, const Json& request, const TensorMap&, const EventSink&) {
  return {run_golden_case(request.at("folder").as_string()), {}};
}

/// {} -> {"residentBytes", "peakResidentBytes"} of the process; {"resetPeak": true} starts a new peak.
JobResult memory(EngineState&, const Json& request, const TensorMap&, const EventSink&) {
  if (request.get_bool("resetPeak", false)) std::ofstream("/proc/self/clear_refs") << "5";
  Json value = Json::object();
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    const bool peak = line.rfind("VmHWM:", 0) == 0;
    if (!peak && line.rfind("VmRSS:", 0) != 0) continue;
    const int64_t kibibytes = std::stoll(line.substr(line.find(':') + 1));
    value.set(peak ? "peakResidentBytes" : "residentBytes", kibibytes * 1024);
  }
  return {value, {}};
}

}  // namespace svg::jobs
