// The job that draws: captions, noise, solver, decoder.
#include "core/cancel.h"
#include "core/rng.h"
#include "core/stopwatch.h"
#include "engine/jobs.h"
#include "engine/pixels.h"
#include "engine/sampling.h"
#include "engine/state.h"

namespace svg::jobs {
namespace {

constexpr int64_t kPatchPixels = 16;  // pixels of the encoder's patch, so of a latent's row or column

struct SampleItem {
  int64_t seed = 0, width = 0, height = 0;
  size_t prompt = 0, negative = 0;  // indices of token lists
};

SampleItem parse_item(const Json& json, const NextDitConfig& config) {
  SampleItem item{json.get_int("seed", 0), json.at("width").as_int(), json.at("height").as_int(),
                  static_cast<size_t>(json.at("prompt").as_int()), static_cast<size_t>(json.at("negative").as_int())};
  const auto check_side = [&](const char* name, int64_t pixels, int64_t most) {
    const int64_t multiple = kPatchPixels * config.patch_size;
    SVG_CHECK(pixels > 0 && pixels % multiple == 0 && pixels / kPatchPixels <= most, ErrorCode::kInvalidArgument, name,
              " must be a multiple of ", multiple, " from ", multiple, " to ", most * kPatchPixels, ", not ", pixels);
  };
  check_side("width", item.width, config.max_latent_columns());
  check_side("height", item.height, config.max_latent_rows());
  return item;
}

std::vector<std::vector<int64_t>> read_token_lists(const TensorMap& tensors) {
  std::vector<std::vector<int64_t>> lists;
  while (true) {
    const auto found = tensors.find(concat("tokens.", lists.size()));
    if (found == tensors.end()) return lists;
    const at::Tensor ids = found->second.to(at::kLong).contiguous();
    SVG_CHECK(ids.dim() == 1, ErrorCode::kInvalidArgument, "\"", found->first, "\" must be one row of token ids");
    lists.emplace_back(ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + ids.numel());
  }
}

at::Tensor initial_noise(const SampleItem& item, size_t position, const NextDit& dit, const TensorMap& tensors) {
  const std::vector<int64_t> shape = {dit.config.in_channels, item.height / kPatchPixels, item.width / kPatchPixels};
  const auto given = tensors.find(concat("noise.", position));
  if (given == tensors.end()) return seeded_noise(item.seed, shape).to(dit.device());
  const at::Tensor noise = given->second.dim() == 4 ? given->second.squeeze(0) : given->second;
  SVG_CHECK(noise.sizes() == at::IntArrayRef(shape), ErrorCode::kInvalidArgument, "\"", given->first, "\" has shape ",
            given->second.sizes(), ", this picture needs ", at::IntArrayRef(shape));
  return noise.to(dit.device(), at::kFloat);
}

Guidance parse_guidance(const Json* json) {
  Guidance guidance;
  if (!json) return guidance;
  guidance.scale = json->get_double("scale", guidance.scale);
  guidance.mode = guidance_mode(json->get_string("mode", "renorm"));
  guidance.until = json->get_double("truncation", guidance.until);
  guidance.renorm = json->get_double("renorm", guidance.renorm);
  return guidance;
}

Json event(const char* type, int64_t item) { return Json::object().set("type", type).set("item", item); }

}  // namespace

/// {"solver", "guidance", "items": [{"seed", "width", "height", "prompt", "negative"}], "previewEvery"?,
/// "returnLatents"?, "returnImages"?} with tensors tokens.N (ids without padding) and, optionally, noise.I (C, h, w);
/// -> {"timings", "evaluations"}: seconds of encode, sample (of them in the model: model) and decode; for each item how
/// many {"conditional", "unconditional"} velocities the model computed; with image.I uint8 (H, W, 3), and latent.I
/// (C, h, w) and float.I (3, H, W) where asked for. All items go through the solver together. Events:
/// encode, step, preview (tensor "image"), decode.
JobResult sample(EngineState& state, const Json& request, const TensorMap& tensors, const EventSink& emit) {
  const NextDit& dit = require(state.dit, "DiT");
  const Autoencoder& autoencoder = require(state.autoencoder, "autoencoder");
  const FeatureStatistics& statistics = require(state.statistics, "feature statistics");
  const Json* solver_request = request.find("solver");
  const SamplerOptions solver = SamplerOptions::from_json(solver_request ? *solver_request : Json::object());
  const Guidance guidance = parse_guidance(request.find("guidance"));
  const int64_t preview_every = request.get_int("previewEvery", 0);
  const std::vector<std::vector<int64_t>> token_lists = read_token_lists(tensors);
  std::vector<SampleItem> items;
  for (const Json& item : request.at("items").as_array()) {
    items.push_back(parse_item(item, dit.config));
    SVG_CHECK(items.back().prompt < token_lists.size() && items.back().negative < token_lists.size(),
              ErrorCode::kInvalidArgument, "item ", items.size() - 1, " names a token list that is not there");
  }
  SVG_CHECK(!items.empty(), ErrorCode::kInvalidArgument, "no items to sample");

  Stopwatch watch(dit.device());
  emit(event("encode", 0), {});
  const std::vector<at::Tensor> captions =
      state.captions.encode(require(state.text_encoder, "text encoder"), dit, token_lists);
  const double encode_seconds = watch.lap();

  std::vector<GuidedItem> guided;
  std::vector<at::Tensor> noise;
  for (size_t i = 0; i < items.size(); ++i) {
    noise.push_back(initial_noise(items[i], i, dit, tensors));
    guided.push_back({captions[items[i].prompt], captions[items[i].negative], noise[i].size(1), noise[i].size(2)});
  }
  const auto decode = [&](const at::Tensor& latent) {
    return autoencoder.decode(statistics.unnormalised(latent).unsqueeze(0)).squeeze(0);
  };
  const auto on_step = [&](const SolverProgress& done, const std::vector<at::Tensor>& predicted) {
    emit(Json::object().set("type", "step").set("step", done.step).set("steps", done.steps).set("t", done.t), {});
    if (preview_every <= 0 || done.step % preview_every != 0 || done.step == done.steps) return;
    for (size_t i = 0; i < predicted.size(); ++i) {
      emit(event("preview", static_cast<int64_t>(i)).set("step", done.step),
           {{"image", to_pixels(decode(predicted[i]))}});
    }
  };
  const auto [latents, evaluations, model_seconds] = sample_latents(dit, guided, guidance, solver, noise, on_step);
  const double sample_seconds = watch.lap();

  JobResult result{Json::object(), {}};
  for (size_t i = 0; i < items.size(); ++i) {
    check_cancelled();
    emit(event("decode", static_cast<int64_t>(i)), {});
    const at::Tensor image = decode(latents[i]);
    SVG_CHECK(image.isfinite().all().item<bool>(), ErrorCode::kNumeric, "the decoded picture holds NaN or infinity");
    result.tensors[concat("image.", i)] = to_pixels(image);
    if (request.get_bool("returnLatents", false)) result.tensors[concat("latent.", i)] = latents[i].to(at::kCPU);
    if (request.get_bool("returnImages", false)) result.tensors[concat("float.", i)] = image.to(at::kCPU);
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
