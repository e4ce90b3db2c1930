// Jobs of training. An engine trains one model at a time; JavaScript drives it step by step.
#include <cstdio>
#include <filesystem>

#include "engine/device.h"
#include "engine/jobs.h"
#include "engine/state.h"
#include "engine/training/autoencoder_run.h"
#include "engine/training/dit_run.h"
#include "engine/training/options.h"
#include "io/checkpoint.h"
#include "io/safetensors_writer.h"
#include "io/write_state_dict.h"

namespace svg::jobs {
namespace {

TrainingRun& running(EngineState& state) { return require(state.training, "training run"); }

TrainedWeights trained_weights(const Request& request) {
  return parse_trained_weights(request.at("weights").as_string());
}

int64_t rank_of(const EngineState& state) { return state.group ? state.group->rank() : 0; }

}  // namespace

/// {"stage": "dit" or "autoencoder", ...} (engine/training/{dit,autoencoder}_run.h) -> {"parameters", "missing",
/// "unexpected", "mismatched", "remarks", "activations": of MemoryPlan, or null}.
JobResult train_open(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  const std::string& stage = request.at("stage").as_string();
  StartReport report;
  state.training.reset();
  if (stage == "dit") {
    state.training = std::make_unique<DitRun>(state, request, report);
  } else if (stage == "autoencoder") {
    state.training = std::make_unique<AutoencoderRun>(state, request, report);
  } else {
    throw Error(ErrorCode::kInvalidArgument, concat("unknown stage \"", stage, "\": known are autoencoder, dit"));
  }
  return {report.to_json(), {}};
}

/// One optimiser step, whose request is that of the stage's TrainingRun::step -> {}.
JobResult train_step(EngineState& state, const Request& request, const TensorMap& tensors, const EventSink&) {
  running(state).step(state, request, tensors);
  return {Json::object(), {}};
}

/// {} -> {"steps": [of the stage's TrainingRun::report]}: of the steps since the last report.
JobResult train_report(EngineState& state, const Request&, const TensorMap&, const EventSink&) {
  return {Json::object().set("steps", running(state).report()), {}};
}

/// {"folder"} -> {"files": [names]}: this process's part of a checkpoint, perhaps none.
JobResult train_save(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  const std::filesystem::path folder = request.at("folder").as_string();
  const TensorMap tensors = running(state).state();
  if (tensors.empty()) return {Json::object().set("files", Json::array()), {}};
  char name[64];
  std::snprintf(name, sizeof name, "rank-%05d-of-%05d.safetensors", static_cast<int>(rank_of(state)),
                static_cast<int>(state.group ? state.group->world() : 1));
  write_safetensors((folder / name).string(), tensors);
  return {Json::object().set("files", Json(Json::Array{std::string(name)})), {}};
}

/// {"folder", "files": [names]} -> {}; reads what train-save wrote, whatever the number of processes was. Of the
/// folder's other files nothing is read: only these have been verified.
JobResult train_restore(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  const std::filesystem::path folder = request.at("folder").as_string();
  TensorMap tensors;
  std::vector<std::shared_ptr<Checkpoint>> files;
  for (const std::filesystem::path name : request.at("files").as_string_list()) {
    SVG_CHECK(!name.empty() && name == name.filename() && name != "..", ErrorCode::kInvalidArgument, "\"",
              name.string(), "\" is no plain file name");
    files.push_back(open_checkpoint((folder / name).string()));
    for (const auto& tensor : files.back()->tensors()) tensors[tensor.first] = files.back()->read(tensor.first);
  }
  SVG_CHECK(!files.empty(), ErrorCode::kFileNotFound, folder.string(), " holds no training state");
  running(state).restore(tensors);
  return {Json::object(), {}};
}

/// {"path", "weights": "ema" | "raw", "dtype", "nesting"?} -> {"parameters"}: the trained weights under published
/// names; .safetensors, or else as torch.save writes them. All ranks call it, the first one writes.
JobResult train_export(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  const at::ScalarType dtype = parse_dtype(request.at("dtype").as_string(), state.device);
  const std::string& path = request.at("path").as_string();
  std::vector<std::string> nesting;
  if (const Request* key = request.find("nesting")) nesting = {key->as_string()};
  TensorMap weights = running(state).weights(trained_weights(request));
  if (rank_of(state) != 0) return {Json::object().set("parameters", 0), {}};
  int64_t parameters = 0;
  for (auto& [name, tensor] : weights) {
    parameters += tensor.numel();
    if (at::isFloatingType(tensor.scalar_type())) tensor = tensor.to(at::kCPU, dtype).contiguous();
  }
  write_state_dict(path, weights, nesting);
  return {Json::object().set("parameters", parameters), {}};
}

/// {"weights": "ema" | "raw", "dtype"} -> {}; `sample`, `encode` and `decode` use them from here on.
JobResult train_publish(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  running(state).publish(state, trained_weights(request), parse_dtype(request.at("dtype").as_string(), state.device));
  return {Json::object(), {}};
}

JobResult train_close(EngineState& state, const Request&, const TensorMap&, const EventSink&) {
  state.training.reset();
  return {Json::object(), {}};
}

}  // namespace svg::jobs
