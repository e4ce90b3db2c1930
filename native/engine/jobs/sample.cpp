// The job that draws: conditions, noise, solver, decoder.
#include <limits>

#include "core/cancel.h"
#include "core/rng.h"
#include "core/stopwatch.h"
#include "engine/jobs.h"
#include "engine/pixels.h"
#include "engine/sampling.h"
#include "engine/state.h"

namespace svg::jobs {
namespace {

struct SampleItem {
  int64_t seed = 0;
  Cells cells;
  size_t condition = 0, unconditional = 0;  // indices of inputs
};

// Pixels to cells, where the model can draw them.
Cells parse_cells(const Request& json, const VelocityModel& model, int64_t cell_pixels) {
  const auto side = [&](const char* name, int64_t most) {
    const int64_t pixels = json.at(name).as_int();
    const int64_t multiple = cell_pixels * model.patch_size();
    SVG_CHECK(pixels > 0 && pixels % multiple == 0 && pixels / cell_pixels <= most, ErrorCode::kInvalidArgument, name,
              " must be a multiple of ", multiple, " from ", multiple, " to ", most * cell_pixels, ", not ", pixels);
    return pixels / cell_pixels;
  };
  const int64_t columns = side("width", model.most_cells().columns);
  return {side("height", model.most_cells().rows), columns};
}

// What the pictures are conditioned on: the job's token lists, or, for a model with classes, those that items name.
class Inputs {
 public:
  Inputs(const ConditionKind& kind, const TensorMap& tensors) : kind_(kind) {
    if (kind.of == ConditionKind::Of::kClass) {
      lists_.push_back({kind.none ? kind.classes : 0});  // without "none" no step may ask for it
      return;
    }
    for (std::string name = "tokens.0"; tensors.count(name); name = concat("tokens.", lists_.size())) {
      lists_.push_back(token_ids(tensors, name));
    }
  }

  void parse(const Request& json, SampleItem& item) {
    if (kind_.of == ConditionKind::Of::kClass) {
      SVG_CHECK(json.find("class"), ErrorCode::kInvalidArgument, "this model draws classes (0 to ", kind_.classes - 1,
                "), not prompts");
      lists_.push_back({json.at("class").as_int()});
      item.condition = lists_.size() - 1;
      return;
    }
    SVG_CHECK(!json.find("class"), ErrorCode::kInvalidArgument, "this model draws prompts, not classes");
    item.condition = static_cast<size_t>(json.at("prompt").as_int());
    item.unconditional = static_cast<size_t>(json.at("negative").as_int());
    SVG_CHECK(item.condition < lists_.size() && item.unconditional < lists_.size(), ErrorCode::kInvalidArgument,
              "an item names a token list that is not there");
  }

  const std::vector<ConditionInput>& lists() const { return lists_; }

 private:
  ConditionKind kind_;
  std::vector<ConditionInput> lists_;
};

at::Tensor initial_noise(const SampleItem& item, size_t position, const VelocityModel& model,
                         const TensorMap& tensors) {
  const std::vector<int64_t> shape = {model.channels(), item.cells.rows, item.cells.columns};
  const auto given = tensors.find(concat("noise.", position));
  if (given == tensors.end()) return seeded_noise(item.seed, shape).to(model.device());
  const at::Tensor noise = given->second.dim() == 4 ? given->second.squeeze(0) : given->second;
  SVG_CHECK(noise.sizes() == at::IntArrayRef(shape), ErrorCode::kInvalidArgument, "\"", given->first, "\" has shape ",
            given->second.sizes(), ", this picture needs ", at::IntArrayRef(shape));
  return noise.to(model.device(), at::kFloat);
}

Guidance parse_guidance(const Request& request) {
  Guidance guidance;
  guidance.scale = request.at("scale").as_double();
  guidance.mode = guidance_mode(request.at("mode").as_string());
  const double until = request.at("until").as_double();
  // The last stage of some solvers is at t = 1, where 1 must still mean "always".
  guidance.until = until >= 1 ? std::numeric_limits<double>::infinity() : until;
  if (const Request* from = request.find("from")) guidance.from = from->as_double();
  guidance.renorm = request.at("renorm").as_double();
  guidance.schedule = GuidanceSchedule::parse(request.at("schedule").as_string());
  return guidance;
}

Json event(const char* type, int64_t item) { return Json::object().set("type", type).set("item", item); }

}  // namespace

/// {"solver": SamplerOptions::from_request, "guidance": {"scale", "mode", "from"?, "until", "renorm", "schedule"},
/// "items":
/// [{"seed", "width", "height", "prompt" and "negative", or "class"}], "previewEvery", "returnLatents",
/// "returnDecoded"} with tensors tokens.N (ids without padding), to which "prompt" and "negative" point, and,
/// optionally, noise.I (C, h, w);
/// -> {"timings", "evaluations"}: seconds of encode, sample (of them in the model: model) and decode; for each item how
/// many {"conditional", "unconditional"} velocities the model computed; with image.I uint8 (H, W, 3), and latent.I
/// (C, h, w) and decoded.I (3, H, W) where asked for. All items go through the solver together. Events: encode, step,
/// preview (tensor "image"), decode.
JobResult sample(EngineState& state, const Request& request, const TensorMap& tensors, const EventSink& emit) {
  const VelocityModel& model = require(state.velocity_model, "DiT");
  const Autoencoder& autoencoder = require(state.autoencoder, "autoencoder");
  // Latents of a decoder with statistics of its own are normalised already.
  const bool own_statistics = autoencoder.config().decoder.own_statistics;
  if (!own_statistics) require(state.statistics, "feature statistics");
  const SamplerOptions solver = SamplerOptions::from_request(request.at("solver"));
  const Guidance guidance = parse_guidance(request.at("guidance"));
  const int64_t preview_every = request.at("previewEvery").as_int();
  const bool return_latents = request.at("returnLatents").as_bool();
  const bool return_decoded = request.at("returnDecoded").as_bool();
  const int64_t cell_pixels = autoencoder.grid().cell_pixels;
  Inputs inputs(model.condition(), tensors);
  std::vector<SampleItem> items;
  for (const Request& json : request.at("items").as_array()) {
    items.push_back({json.at("seed").as_int(), parse_cells(json, model, cell_pixels)});
    inputs.parse(json, items.back());
  }
  SVG_CHECK(!items.empty(), ErrorCode::kInvalidArgument, "no items to sample");
  request.check_all_read();

  Stopwatch watch(model.device());
  emit(event("encode", 0), {});
  const std::vector<at::Tensor> conditions =
      state.conditions.prepared(conditioner_for(state, model.condition()), model, inputs.lists());
  const double encode_seconds = watch.lap();

  std::vector<GuidedItem> guided;
  std::vector<at::Tensor> noise;
  for (size_t i = 0; i < items.size(); ++i) {
    noise.push_back(initial_noise(items[i], i, model, tensors));
    guided.push_back({conditions[items[i].condition], conditions[items[i].unconditional], items[i].cells});
  }
  const auto decode = [&](const at::Tensor& latent) {
    const at::Tensor features = own_statistics ? latent : state.statistics->unnormalised(latent);
    return autoencoder.decode(features.unsqueeze(0)).squeeze(0);
  };
  const auto on_step = [&](const SolverProgress& done, const std::vector<at::Tensor>& predicted) {
    emit(Json::object().set("type", "step").set("step", done.step).set("steps", done.steps).set("t", done.t), {});
    if (preview_every <= 0 || done.step % preview_every != 0 || done.step == done.steps) return;
    for (size_t i = 0; i < predicted.size(); ++i) {
      emit(event("preview", static_cast<int64_t>(i)).set("step", done.step),
           {{"image", to_pixels(decode(predicted[i]))}});
    }
  };
  const auto [latents, evaluations, model_seconds] = sample_latents(model, guided, guidance, solver, noise, on_step);
  const double sample_seconds = watch.lap();

  JobResult result{Json::object(), {}};
  for (size_t i = 0; i < items.size(); ++i) {
    check_cancelled();
    emit(event("decode", static_cast<int64_t>(i)), {});
    const at::Tensor image = decode(latents[i]);
    SVG_CHECK(image.isfinite().all().item<bool>(), ErrorCode::kNumeric, "the decoded picture holds NaN or infinity");
    result.tensors[concat("image.", i)] = to_pixels(image);
    if (return_latents) result.tensors[concat("latent.", i)] = latents[i].to(at::kCPU);
    if (return_decoded) result.tensors[concat("decoded.", i)] = image.to(at::kCPU);
  }
  result.value.set("timings", Json::object()
                                  .set("encode", encode_seconds)
                                  .set("sample", sample_seconds)
                                  .set("model", model_seconds)
                                  .set("decode", watch.lap()));
  Json::Array counts;
  for (const ModelEvaluations& of_item : evaluations) {
    counts.push_back(
        Json::object().set("conditional", of_item.conditional).set("unconditional", of_item.unconditional));
  }
  result.value.set("evaluations", Json(std::move(counts)));
  return result;
}

}  // namespace svg::jobs
