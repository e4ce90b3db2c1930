// Jobs about the engine itself: golden cases and memory.
#include <chrono>
#include <fstream>
#include <thread>

#include "bench/count.h"
#include "bench/parts.h"
#include "core/cancel.h"
#include "core/error.h"
#include "core/system_memory.h"
#include "engine/jobs.h"
#include "engine/state.h"
#include "golden/run.h"
#include "kernels/cuda.h"

namespace svg::jobs {

/// {"folder"} -> the case's report (golden/run.h).
JobResult golden(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  return {run_golden_case(request.at("folder").as_string(), state.device), {}};
}

/// {"part" (bench/parts.h), "only": part of a row's name, "repeats": timed runs} -> {"rows"} (bench/*_bench.h), on the
/// engine's device.
JobResult bench(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  const std::string& part = request.at("part").as_string();
  const std::string& only = request.at("only").as_string();
  const int64_t repeats = request.at("repeats").as_int();
  request.check_all_read();
  return {bench_part(part, only, repeats, state.device), {}};
}

/// {"part": "step" | "gradients" | "update", "cells": of a side, "tokens": of the prompt} -> {"ours", "plain",
/// "leastFlops"} of the 2B on a GPU (bench/count.h). The update knows neither cells nor tokens.
JobResult count_launches(EngineState&, const Request& request, const TensorMap&, const EventSink&) {
  const std::string& part = request.at("part").as_string();
  const CountedLoad load{request.at("cells").as_int(), request.at("tokens").as_int()};
  request.check_all_read();
  const NextDitConfig config;
  if (part == "step") return {count_sampling(config, load), {}};
  if (part == "gradients") return {count_gradients(config, load), {}};
  if (part == "update") return {count_update(config), {}};
  throw Error(ErrorCode::kInvalidArgument, concat("unknown part \"", part, "\": known are gradients, step, update"));
}

/// {"resetPeak"} -> {"residentBytes", "peakResidentBytes"} of the process, "availableBytes" that it may still take, and
/// of a GPU "deviceFreeBytes" and "deviceTotalBytes"; `resetPeak` gives back what lies free in the heap and starts a
/// new peak.
JobResult memory(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  if (request.at("resetPeak").as_bool()) {
    give_back_free_memory();
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
  value.set("availableBytes", available_memory());
  if (state.device.is_cuda()) {
    const cuda::DeviceMemory device = cuda::device_memory();
    value.set("deviceFreeBytes", device.free).set("deviceTotalBytes", device.total);
  }
  return {value, {}};
}

/// {"milliseconds"} -> {}; tells once that it began. For tests of order, cancelling and exit.
JobResult sleep(EngineState&, const Request& request, const TensorMap&, const EventSink& emit) {
  emit(Json::object().set("type", "sleep"), {});
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(request.at("milliseconds").as_int());
  while (std::chrono::steady_clock::now() < end) {
    check_cancelled();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return {Json::object(), {}};
}

}  // namespace svg::jobs
