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

/// With what they are conditioned on, and the channels of every preset.
Json velocity_models() {
  Json rows = Json::array();
  for (const VelocityKind& kind : velocity_kinds()) {
    Json presets = Json::object();
    std::string condition = "text";
    for (const std::string& preset : kind.presets) {
      const VelocityPlan plan = kind.from_json(Json::object().set("arch", preset));
      presets.set(preset, plan.channels);
      if (plan.condition.of == ConditionKind::Of::kClass) condition = "class";
    }
    rows.push_back(kind_facts(kind).set("condition", condition).set("presets", std::move(presets)));
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

Json dtypes() {
  Json names = Json::array();
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) names.push_back(dtype_short_name(dtype));
  return names;
}

}  // namespace

/// {} -> {"encoders": [{"name", "title", "files", "yamlKey", "presets": {name: channels}}], "residuals": [the same],
/// "decoders": [the same],
/// "velocityModels": [the same and "condition": "text" | "class"], "conditioners": [the same without presets],
/// "solvers": [{"name", "title", "family", "fields", "shift", "leastSteps"}], "losses": loss_rows(), "dtypes":
/// [names], "jobs": [kinds], "errorCodes": [names]}.
JobResult catalogue(EngineState&, const Request&, const TensorMap&, const EventSink&) {
  return {Json::object()
              .set("encoders", kinds_with_channels(encoder_kinds()))
              .set("residuals", kinds_with_channels(residual_kinds()))
              .set("decoders", kinds_with_channels(decoder_kinds()))
              .set("velocityModels", velocity_models())
              .set("conditioners", conditioners())
              .set("solvers", solver_rows())
              .set("losses", loss_rows())
              .set("dtypes", dtypes())
              .set("jobs", texts(job_kinds(JobSet::kWithThoseOfTests)))
              .set("errorCodes", error_codes()),
          {}};
}

}  // namespace svg::jobs
