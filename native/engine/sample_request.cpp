#include "engine/sample_request.h"

#include <limits>

#include "diffusion/step_cache_rescale.h"

namespace svg {
namespace {

// Pixels to cells, where the model can draw them.
Cells parse_cells(const Request& json, const EngineModels& models) {
  const VelocityModel& model = require(models.velocity_model, "DiT");
  const int64_t cell_pixels = require(models.autoencoder, "autoencoder").grid().cell_pixels;
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

  std::vector<ConditionInput> take() { return std::move(lists_); }

 private:
  ConditionKind kind_;
  std::vector<ConditionInput> lists_;
};

// {"threshold", "rescale"}
StepCache step_cache_of(const Request& request, const VelocityModel& model, const SamplerOptions& solver) {
  const double threshold = request.at("threshold").as_double();
  SVG_CHECK(threshold > 0, ErrorCode::kInvalidArgument, "stepCache is ", threshold, ", must be above 0");
  if (!model.caches_steps()) {
    throw Error(ErrorCode::kInvalidArgument, "this model has no step cache", "Leave it out, or draw fewer steps.");
  }
  if (solver.evaluations_of_step() != 1) {
    throw Error(ErrorCode::kInvalidArgument,
                concat("a step cache wants a solver of one evaluation a step, not ", solver.name,
                       solver.singlestep ? " with method singlestep" : ""),
                "Take dpm++ with method multistep, or euler.");
  }
  return {threshold, rescale_polynomial(request.at("rescale").as_string())};
}

}  // namespace

Guidance guidance_from_request(const Request& request) {
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

VelocityLoad SampleRequest::load(const VelocityModel& model) const {
  const bool reads_text = model.condition().of == ConditionKind::Of::kText;
  const auto tokens = [&](size_t input) { return reads_text ? static_cast<int64_t>(inputs[input].size()) : 0; };
  VelocityLoad load;
  load.guided = guidance.can_need_unconditional();
  load.step_cache = step_cache.has_value();
  load.element_bytes = static_cast<int64_t>(c10::elementSize(model.dtype()));
  for (const SampleItem& item : items) {
    load.pictures.push_back({item.cells, tokens(item.condition), tokens(item.unconditional)});
  }
  return load;
}

SampleRequest SampleRequest::read(const EngineModels& models, const Request& request, const TensorMap& tensors) {
  const VelocityModel& model = require(models.velocity_model, "DiT");
  // Latents of a decoder with statistics of its own are normalised already.
  const bool own_statistics = require(models.autoencoder, "autoencoder").config().decoder.own_statistics;
  if (!own_statistics) require(models.statistics, "feature statistics");
  SampleRequest read;
  read.solver = SamplerOptions::from_request(request.at("solver"));
  read.guidance = guidance_from_request(request.at("guidance"));
  if (const Request* cache = request.find("stepCache")) {
    read.step_cache = step_cache_of(*cache, model, read.solver);
  }
  read.preview_every = request.at("previewEvery").as_int();
  read.return_latents = request.at("returnLatents").as_bool();
  read.return_decoded = request.at("returnDecoded").as_bool();
  Inputs inputs(model.condition(), tensors);
  for (const Request& json : request.at("items").as_array()) {
    read.items.push_back({json.at("seed").as_int(), parse_cells(json, models)});
    inputs.parse(json, read.items.back());
  }
  SVG_CHECK(!read.items.empty(), ErrorCode::kInvalidArgument, "no items to sample");
  request.check_all_read();
  read.inputs = inputs.take();
  return read;
}

int64_t SampleRequest::image_tokens(const EngineModels& models, const Request& request) {
  const int64_t patch = require(models.velocity_model, "DiT").patch_size();
  int64_t tokens = 0;
  for (const Request& json : request.at("items").as_array()) {
    const Cells cells = parse_cells(json, models);
    tokens += cells.rows * cells.columns / (patch * patch);
  }
  return tokens;
}

}  // namespace svg
