// Jobs that read and write weight files.
#include "core/cancel.h"
#include "core/error.h"
#include "engine/jobs.h"
#include "io/checkpoint.h"
#include "io/convert.h"
#include "io/inspect.h"
#include "io/verify.h"
#include "models/catalogue.h"
#include "models/recognise.h"

namespace svg::jobs {
namespace {

/// Events {"type": "progress", "what", "doneBytes", "totalBytes"}, one per percent at most.
FileProgress progress_events(const EventSink& emit) {
  return [&emit, last = int64_t{-1}](const std::string& what, int64_t done, int64_t total) mutable {
    check_cancelled();
    const int64_t percent = total > 0 ? 100 * done / total : 100;
    if (percent == last) return;
    last = percent;
    emit(Json::object().set("type", "progress").set("what", what).set("doneBytes", done).set("totalBytes", total), {});
  };
}

std::optional<Identity> recognised(const Weights& weights) {
  const std::optional<RecognisedModel> model = recognise_model(weights);
  if (!model) return std::nullopt;
  return Identity{model->kind, model->description};
}

/// What of a transformer or a text encoder may be int8, as its kind says.
TakesInt8 int8_matrices(const Weights& weights) {
  const VelocityKind* velocity = recognise_velocity_model(weights);
  if (velocity && velocity->int8_matrix) return velocity->int8_choice();
  const ConditionerKind* conditioner = recognise_conditioner(weights);
  if (conditioner && conditioner->int8_matrix) return conditioner->int8_choice();
  const std::optional<RecognisedModel> model = recognise_model(weights);
  throw Error(
      ErrorCode::kInvalidArgument,
      concat(weights.description(), " is ", model ? model->description : "of a kind that is not known",
             ": nothing of it is computed in int8"),
      "Transformers that draw and text encoders are. An autoencoder and its encoder stay as they are beside them: "
      "leave --quantize out.");
}

}  // namespace

/// io/inspect.h
JobResult inspect(EngineState&, const Request& request, const TensorMap&, const EventSink&) {
  return {inspect_file(request, recognised), {}};
}

/// io/convert.h
JobResult convert(EngineState&, const Request& request, const TensorMap&, const EventSink& emit) {
  return {convert_file(request, progress_events(emit), int8_matrices), {}};
}

/// io/verify.h
JobResult verify(EngineState&, const Request& request, const TensorMap&, const EventSink& emit) {
  return {verify_file(request, progress_events(emit), recognised), {}};
}

/// {"path", "names"?} -> the tensors themselves, copied; all of the file where no names are given.
JobResult read_tensors(EngineState&, const Request& request, const TensorMap&, const EventSink&) {
  const auto checkpoint = open_checkpoint(request.at("path").as_string());
  JobResult result{Json::object(), {}};
  if (const Request* names = request.find("names")) {
    for (const std::string& name : names->as_string_list()) result.tensors[name] = checkpoint->read(name).clone();
  } else {
    for (const auto& entry : checkpoint->tensors()) result.tensors[entry.first] = checkpoint->read(entry.first).clone();
  }
  return result;
}

}  // namespace svg::jobs
