// Jobs of `svg-t2i estimate`: what a pipeline takes and does, counted from its files' headers, and how long this
// machine takes for it.
#include <array>

#include "core/stopwatch.h"
#include "diffusion/sampler.h"
#include "engine/device.h"
#include "engine/estimate/probe.h"
#include "engine/jobs.h"
#include "engine/plans.h"
#include "engine/sample_request.h"
#include "engine/state.h"

namespace svg::jobs {
namespace {

/// What one part does in a stage.
struct PartWork {
  Work work;
  Precision precision;
};
/// Of each part that has to do with it, one after the other.
using StageWork = std::vector<PartWork>;

/// Stages of a picture: both prompts, one velocity with and without the unconditional one, the latent of one picture.
struct StageWorks {
  StageWork encode, guided, single, decode;

  std::array<const StageWork*, 4> all() const { return {&encode, &guided, &single, &decode}; }
};

struct CountedLoad {
  std::vector<PictureLoad> pictures;  // all alike
};

void require_to_draw(const PlannedParts& parts) {
  SVG_CHECK(parts.dit && parts.autoencoder, ErrorCode::kInternal, "a picture takes a dit and an autoencoder");
}

/// {"width", "height", "pictures", "tokens", "unconditionalTokens"}
CountedLoad parse_load(const Request& json, const PlannedParts& parts) {
  const int64_t cell = parts.autoencoder->plan.grid.cell_pixels;
  PictureLoad one;
  one.cells = {json.at("height").as_int() / cell, json.at("width").as_int() / cell};
  one.tokens = json.at("tokens").as_int();
  one.unconditional_tokens = json.at("unconditionalTokens").as_int();
  const int64_t count = json.at("pictures").as_int();
  SVG_CHECK(count > 0 && one.cells.rows > 0 && one.cells.columns > 0, ErrorCode::kInvalidArgument, count,
            " pictures of ", one.cells.columns, "x", one.cells.rows, " cells");
  return {std::vector<PictureLoad>(static_cast<size_t>(count), one)};
}

StageWork prompt_works(const PlannedParts& parts, const PictureLoad& load, const std::string& dtype,
                       at::Device device) {
  PartWork prepared{{}, parts.dit->precision(dtype, device)};
  PartWork read{{}, parts.text_encoder ? parts.text_encoder->precision(dtype, device) : prepared.precision};
  for (const int64_t tokens : {load.tokens, load.unconditional_tokens}) {
    if (tokens == 0) continue;
    if (parts.text_encoder) read.work.add(parts.text_encoder->plan.work(tokens, read.precision.element_bytes()));
    const auto& prepares = parts.dit->plan.prepared_work;
    if (prepares) prepared.work.add(prepares(tokens, prepared.precision.element_bytes()));
  }
  return {read, prepared};
}

StageWorks stage_works(const PlannedParts& parts, const CountedLoad& load, const std::string& dtype, at::Device device,
                       bool step_cache) {
  const auto velocity = [&](const PlannedVelocity& part, bool guided) {
    const Precision precision = part.precision(dtype, device);
    return PartWork{part.plan.work({load.pictures, guided, precision.element_bytes(), step_cache}), precision};
  };
  const PictureLoad& first = load.pictures[0];
  const Precision decoded_in = parts.autoencoder->precision(dtype, device);
  StageWorks works;
  works.encode = prompt_works(parts, first, dtype, device);
  works.single = {velocity(*parts.dit, /*guided=*/false)};
  works.guided = parts.weak ? StageWork{works.single[0], velocity(*parts.weak, /*guided=*/false)}
                            : StageWork{velocity(*parts.dit, /*guided=*/true)};
  works.decode = {{parts.autoencoder->plan.work(first.cells, decoded_in.element_bytes()), decoded_in}};
  return works;
}

template <typename Planned>
Json part_json(const Planned& part, const std::vector<std::string>& dtypes, at::Device device) {
  Json bytes = Json::object();
  for (const std::string& dtype : dtypes) bytes.set(dtype, part.bytes(dtype, device));
  return Json::object()
      .set("kind", part.plan.kind)
      .set("description", part.plan.description)
      .set("parameters", part.weights.parameters())
      .set("bytes", std::move(bytes));
}

Json parts_json(const PlannedParts& parts, const std::vector<std::string>& dtypes, at::Device device) {
  Json json = Json::object().set("dit", part_json(*parts.dit, dtypes, device));
  if (parts.weak) json.set("weakDit", part_json(*parts.weak, dtypes, device));
  json.set("autoencoder", part_json(*parts.autoencoder, dtypes, device));
  if (parts.text_encoder) json.set("textEncoder", part_json(*parts.text_encoder, dtypes, device));
  return json;
}

Json stages_json(const StageWorks& works) {
  const auto stage = [](const StageWork& parts) {
    double flops = 0;
    int64_t peak_bytes = 0;
    for (const PartWork& part : parts) {
      flops += part.work.flops();
      peak_bytes = std::max(peak_bytes, part.work.peak_bytes);
    }
    return Json::object().set("flops", flops).set("peakBytes", peak_bytes);
  };
  return Json::object()
      .set("encode", stage(works.encode))
      .set("guided", stage(works.guided))
      .set("single", stage(works.single))
      .set("decode", stage(works.decode));
}

/// Of the solver itself, run on one number whose velocity is 0. Null for adaptive ones, which go by the picture.
Json evaluations_of(const SamplerOptions& solver, const Guidance& guidance) {
  if (solver.adaptive()) return {};
  int64_t guided = 0, single = 0;
  sample(solver, at::zeros({1, 1}), [&](const at::Tensor& x, const SolverTime& when) {
    const GuidanceNeeds needs = guidance.needs(when);
    guided += needs.conditional && needs.unconditional;
    single += needs.conditional != needs.unconditional;
    return at::zeros_like(x);
  });
  return Json::object().set("guided", guided).set("single", single);
}

}  // namespace

/// {the parts of `load` (plans.h), "dtypes": [names, "auto" too], "loads": [{"width", "height", "pictures", "tokens",
/// "unconditionalTokens"}], "solver" and "guidance" as `sample` takes them, "stepCache": whether pictures have one} ->
/// {"parts": {"dit": {"kind", "description", "parameters", "bytes": {dtype: of the weights in memory}}, ...},
/// "storedInt8", "condition", "cellPixels", "patchSize", "maxCells": [rows, columns], "usualCells"?, "maxTokens"?,
/// "evaluations": {"guided", "single"} or null, "loads": [{dtype: {"encode" | "guided" | "single" | "decode": {"flops",
/// "peakBytes"}}}]}. Nothing but headers is read; "decode" is of one picture, the others are of all that are drawn
/// together.
JobResult count(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  const PlannedParts parts = plan_parts(request);
  require_to_draw(parts);
  const std::vector<std::string> dtypes = request.at("dtypes").as_string_list();
  const SamplerOptions solver = SamplerOptions::from_request(request.at("solver"));
  const bool step_cache = request.at("stepCache").as_bool();
  Json loads = Json::array();
  for (const Request& json : request.at("loads").as_array()) {
    const CountedLoad load = parse_load(json, parts);
    Json by_dtype = Json::object();
    for (const std::string& dtype : dtypes) {
      by_dtype.set(dtype, stages_json(stage_works(parts, load, dtype, state.device, step_cache)));
    }
    loads.push_back(std::move(by_dtype));
  }
  const auto sides = [](const Cells& cells) {
    Json list = Json::array();
    list.push_back(cells.rows);
    list.push_back(cells.columns);
    return list;
  };
  const ConditionKind& condition = parts.dit->plan.condition;
  const bool reads_text = condition.of == ConditionKind::Of::kText;
  Json value = Json::object()
                   .set("parts", parts_json(parts, dtypes, state.device))
                   .set("storedInt8", parts.dit->stored_int8)
                   .set("condition", reads_text ? "text" : "class")
                   .set("cellPixels", parts.autoencoder->plan.grid.cell_pixels)
                   .set("patchSize", parts.dit->patch_size)
                   .set("maxCells", sides(parts.dit->most));
  if (parts.dit->usual) value.set("usualCells", sides(*parts.dit->usual));
  if (reads_text && condition.most_tokens > 0) value.set("maxTokens", condition.most_tokens);
  value.set("evaluations", evaluations_of(solver, guidance_from_request(request.at("guidance"))));
  return {value.set("loads", std::move(loads)), {}};
}

/// {the same parts, "dtype", "load", "seconds": to try for} -> {"encode", "guided", "single", "decode": seconds of each
/// stage, "flopRate", "byteRate", "callSeconds", "tried": seconds}: works of `count`, timed piece by piece on the
/// engine's device.
JobResult probe(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  const PlannedParts parts = plan_parts(request);
  require_to_draw(parts);
  const std::string dtype = request.at("dtype").as_string();
  const CountedLoad load = parse_load(request.at("load"), parts);
  const double seconds = request.at("seconds").as_double();
  request.check_all_read();
  const StageWorks works = stage_works(parts, load, dtype, state.device, /*step_cache=*/false);
  Stopwatch watch(state.device);
  std::vector<ProbedWork> probed;
  for (const StageWork* stage : works.all()) {
    for (const PartWork& part : *stage) probed.push_back({&part.work, part.precision});
  }
  const Probe tried(probed, state.device, works.single[0].precision.compute, seconds);
  const auto seconds_of = [&](const StageWork& stage) {
    double sum = 0;
    for (const PartWork& part : stage) sum += tried.seconds_of({&part.work, part.precision});
    return sum;
  };
  return {Json::object()
              .set("encode", seconds_of(works.encode))
              .set("guided", seconds_of(works.guided))
              .set("single", seconds_of(works.single))
              .set("decode", seconds_of(works.decode))
              .set("flopRate", tried.flop_rate())
              .set("byteRate", tried.byte_rate())
              .set("callSeconds", tried.seconds_a_call())
              .set("tried", watch.lap()),
          {}};
}

}  // namespace svg::jobs
