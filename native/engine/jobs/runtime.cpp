// Jobs about the engine itself: golden cases and memory.
#include <chrono>
#include <fstream>
#include <thread>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "bench/autoencoder_bench.h"
#include "bench/dit_bench.h"
#include "bench/sample_bench.h"
#include "bench/text_bench.h"
#include "core/cancel.h"
#include "core/error.h"
#include "engine/jobs.h"
#include "engine/state.h"
#include "golden/run.h"

namespace svg::jobs {

/// {"folder"} -> the case's report (golden/run.h).
JobResult golden(EngineState& state, const Json& request, const TensorMap&, const EventSink&) {
  return {run_golden_case(request.at("folder").as_string(), state.device), {}};
}

/// {"part"?: "dit" | "encoder" | "decoder" | "sample" | "text-encoder", ...} -> {"rows"} (bench/*_bench.h).
JobResult bench(EngineState&, const Json& request, const TensorMap&, const EventSink&) {
  const std::string part = request.get_string("part", "dit");
  if (part == "dit") return {bench_dit(request), {}};
  if (part == "encoder") return {bench_encoder(request), {}};
  if (part == "decoder") return {bench_decoder(request), {}};
  if (part == "sample") return {bench_sample(request), {}};
  if (part == "text-encoder") return {bench_text_encoder(request), {}};
  throw Error(ErrorCode::kInvalidArgument,
              concat("unknown part \"", part, "\": known are decoder, dit, encoder, sample, text-encoder"));
}

/// {} -> {"residentBytes", "peakResidentBytes"} of the process; {"resetPeak": true} gives back what lies free in the
/// heap and starts a new peak.
JobResult memory(EngineState&, const Json& request, const TensorMap&, const EventSink&) {
  if (request.get_bool("resetPeak", false)) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    std::ofstream("/proc/self/clear_refs") << "5";
  }
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

/// {"milliseconds"} -> {}; tells once that it began. For tests of order, cancelling and exit.
JobResult sleep(EngineState&, const Json& request, const TensorMap&, const EventSink& emit) {
  emit(Json::object().set("type", "sleep"), {});
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(request.at("milliseconds").as_int());
  while (std::chrono::steady_clock::now() < end) {
    check_cancelled();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return {Json::object(), {}};
}

}  // namespace svg::jobs
