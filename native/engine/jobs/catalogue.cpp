// What TypeScript must know of the engine: lib/facts.ts is written from it (scripts/write-facts.mjs).
#include "models/catalogue.h"

#include "core/error.h"
#include "diffusion/sampler.h"
#include "engine/device.h"
#include "engine/jobs.h"
#include "engine/training/losses.h"

namespace svg::jobs {
namespace {

Json texts(const std::vector<std::string>& list) {
  Json array = Json::array();
  for (const std::string& text : list) array.push_back(text);
  return array;
}

template <typename Kind>
Json kind_facts(const Kind& kind) {
  return Json::object()
      .set("name", kind.name)
      .set("title", kind.title)
      .set("files", kind.files)
      .set("yamlKey", kind.yaml_key);
}

int64_t channels_of(const EncoderPlan& plan) { return plan.channels; }
int64_t channels_of(const ResidualPlan& plan) { return plan.channels; }
int64_t channels_of(const DecoderPlan& plan) { return plan.grid.channels; }

/// With the channels of every preset.
template <typename Kind>
Json kinds_with_channels(const std::vector<Kind>& kinds) {
  Json rows = Json::array();
  for (const Kind& kind : kinds) {
    Json presets = Json::object();
    for (const std::string& preset : kind.presets) {
      presets.set(preset, channels_of(kind.from_json(Json::object().set("arch", preset))));
    }
    rows.push_back(kind_facts(kind).set("presets", std::move(presets)));
  }
  return rows;
}

/// The same, with the dimensions where a configuration gives none.
template <typename Kind>
Json kinds_with_usual(const std::vector<Kind>& kinds) {
  Json::Array rows = kinds_with_channels(kinds).as_array();
  for (size_t i = 0; i < kinds.size(); ++i) rows[i].set("usual", kinds[i].from_json(Json::object()).dimensions);
  return Json(std::move(rows));
}

/// The same, with the cells that those give.
Json decoders() {
  Json::Array rows = kinds_with_usual(decoder_kinds()).as_array();
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].set("cellPixels", decoder_kinds()[i].from_json(Json::object()).grid.cell_pixels);
  }
  return Json(std::move(rows));
}

/// With what they are conditioned on, whether they can be trained, and the dimensions of every preset.
Json velocity_models() {
  Json rows = Json::array();
  for (const VelocityKind& kind : velocity_kinds()) {
    Json presets = Json::object();
    for (const std::string& preset : kind.presets) {
      presets.set(preset, kind.from_json(Json::object().set("arch", preset)).dimensions);
    }
    const VelocityPlan usual = kind.from_json(Json::object());
    rows.push_back(kind_facts(kind)
                       .set("condition", usual.condition.of == ConditionKind::Of::kClass ? "class" : "text")
                       .set("canTrain", usual.can_train)
                       .set("presets", std::move(presets)));
  }
  return rows;
}

Json conditioners() {
  Json rows = Json::array();
  for (const ConditionerKind& kind : conditioner_kinds()) rows.push_back(kind_facts(kind));
  return rows;
}

Json error_codes() {
  Json codes = Json::array();
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    codes.push_back(error_code_name(static_cast<ErrorCode>(code)));
  }
  return codes;
}

Json names_of(std::initializer_list<at::ScalarType> dtypes) {
  Json names = Json::array();
  for (const at::ScalarType dtype : dtypes) names.push_back(dtype_short_name(dtype));
  return names;
}

Json precisions() {
  Json names = names_of({at::kFloat, at::kBFloat16});
  names.push_back(Precision{at::kFloat, /*int8=*/true}.name());
  return names;
}

}  // namespace

/// {} -> {"encoders": [{"name", "title", "files", "yamlKey", "presets": {name: channels}}], "residuals": [the same and
/// "usual": dimensions], "decoders": [the same and "cellPixels"], "velocityModels": [{..., "condition": "text" |
/// "class", "canTrain", "presets": {name: dimensions}}], "conditioners": [the same without presets], "solvers":
/// [{"name", "title", "family", "fields", "shift", "leastSteps"}], "losses": loss_rows(), "dtypes" of files and
/// "computeDtypes" of models, "precisions" of pictures: [names], "maxSideCells", "jobs": [kinds], "errorCodes":
/// [names]}.
JobResult catalogue(EngineState&, const Request&, const TensorMap&, const EventSink&) {
  return {Json::object()
              .set("encoders", kinds_with_channels(encoder_kinds()))
              .set("residuals", kinds_with_usual(residual_kinds()))
              .set("decoders", decoders())
              .set("velocityModels", velocity_models())
              .set("conditioners", conditioners())
              .set("solvers", solver_rows())
              .set("losses", loss_rows())
              .set("dtypes", names_of({at::kFloat, at::kBFloat16, at::kHalf}))
              .set("computeDtypes", names_of({at::kFloat, at::kBFloat16}))
              .set("precisions", precisions())
              .set("maxSideCells", kMostSideCells)
              .set("jobs", texts(job_kinds(JobSet::kWithThoseOfTests)))
              .set("errorCodes", error_codes()),
          {}};
}

}  // namespace svg::jobs
