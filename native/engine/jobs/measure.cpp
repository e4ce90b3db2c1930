// Jobs that measure pictures: sets against sets, pictures against pictures.
#include <set>

#include "engine/jobs.h"
#include "engine/measure/measurement.h"
#include "engine/numbered.h"
#include "engine/pixels.h"
#include "engine/state.h"

namespace svg::jobs {
namespace {

Measurement& open_measurement(const EngineState& state) {
  if (!state.measurement) throw Error(ErrorCode::kNotLoaded, "no measurement is open");
  return *state.measurement;
}

const at::Tensor& given_tensor(const TensorMap& tensors, const char* name) {
  const auto found = tensors.find(name);
  SVG_CHECK(found != tensors.end(), ErrorCode::kInvalidArgument, "no tensor \"", name, "\" was given");
  return found->second;
}

/// Numbers that leave one out would lose what comes behind it.
void check_all_taken(const TensorMap& tensors, size_t taken) {
  SVG_CHECK(tensors.size() == taken, ErrorCode::kInvalidArgument, taken, " of the ", tensors.size(),
            " tensors are numbered from 0 on without a gap");
}

/// The job's tensors are views of JavaScript's memory, which a caller may write to once the job is done.
at::Tensor own_copy(const at::Tensor& tensor) { return tensor.clone(); }

InceptionScoreOptions read_score_options(const Request& request) {
  const std::string& protocol = request.at("protocol").as_string();
  if (protocol == "adm") return ScoreParts{request.at("partSize").as_int()};
  SVG_CHECK(protocol == "torch-fidelity", ErrorCode::kInternal, "unknown protocol \"", protocol, "\"");
  return ScoreSplits{request.at("splits").as_int(), static_cast<uint32_t>(request.at("seed").as_int())};
}

SetComparison read_comparison(const Request& request) {
  const Request& kid = request.at("kid");
  const Request* gamma = kid.find("gamma");
  const Request* reference = request.find("reference");
  return {request.at("set").as_string(),
          reference ? std::optional<std::string>(reference->as_string()) : std::nullopt,
          {kid.at("subsets").as_int(), kid.at("subsetSize").as_int(), static_cast<uint32_t>(kid.at("seed").as_int()),
           kid.at("degree").as_int(), gamma ? std::optional<double>(gamma->as_double()) : std::nullopt,
           kid.at("coef0").as_double()},
          read_score_options(request.at("inceptionScore")),
          request.at("neighbours").as_int()};
}

Json json_of(const MeanStd& value) { return Json::object().set("mean", value.mean).set("std", value.std); }

Json measured(const Measurement& measurement, const std::string& metric, const SetComparison& comparison) {
  if (metric == "fid") return measurement.frechet(comparison);
  if (metric == "sfid") return measurement.spatial_frechet(comparison);
  if (metric == "kid") return json_of(measurement.kernel(comparison));
  if (metric == "is") return json_of(measurement.score(comparison));
  SVG_CHECK(metric == "pr", ErrorCode::kInternal, "unknown metric \"", metric, "\" of sets");
  const PrecisionRecall found = measurement.neighbours(comparison);
  return Json::object().set("precision", found.precision).set("recall", found.recall).set("fScore", found.f_score);
}

}  // namespace

/// {"inception"?: {"path"}, "lpips"?: {"net", "lin"}, "metrics": of sets, "spill": {"bytes", "folder"}} ->
/// {"inception"?: {"path", "format", "batch"}, "remarks"}: begins anew; a failed call leaves no measurement open.
JobResult measure_open(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  state.measurement.reset();
  Measurement::Networks networks;
  Json remarks = Json::array();
  if (const Request* inception = request.find("inception")) {
    const std::string& path = inception->at("path").as_string();
    networks.inception = open_inception(path, state.device);
    if (!networks.inception->remark.empty()) remarks.push_back(concat(path, ": ", networks.inception->remark));
  }
  check_cancelled();
  if (const Request* lpips = request.find("lpips")) {
    networks.lpips = open_lpips(lpips->at("net").as_string(), lpips->at("lin").as_string(), state.device, remarks);
  }
  const Request& spill = request.at("spill");
  const SpillOptions options(spill.at("bytes").as_int(), spill.at("folder").as_string());
  auto measurement =
      std::make_unique<Measurement>(std::move(networks), request.at("metrics").as_string_list(), options, state.device);
  request.check_all_read();
  state.measurement = std::move(measurement);
  Json value = Json::object();
  if (const auto& inception = state.measurement->networks().inception) {
    value.set("inception", Json::object()
                               .set("path", request.at("inception").at("path").as_string())
                               .set("format", inception->format)
                               .set("batch", state.measurement->batch()));
  }
  return {value.set("remarks", std::move(remarks)), {}};
}

/// {"set"} with image.N uint8 (H, W, 3) -> {"count"} of the set now.
JobResult measure_add(EngineState& state, const Request& request, const TensorMap& tensors, const EventSink&) {
  Measurement& measurement = open_measurement(state);
  const std::string& set = request.at("set").as_string();
  std::vector<at::Tensor> pictures;
  for_each_numbered(tensors, "image", [&](int64_t, const std::string& name, const at::Tensor& picture) {
    check_pixels(picture, name);
    pictures.push_back(picture);
  });
  check_all_taken(tensors, pictures.size());
  return {Json::object().set("count", measurement.add(set, pictures)), {}};
}

/// {"set", "count": 0 where it is not known} with mu, sigma, and perhaps mu_s and sigma_s, float64.
JobResult measure_reference(EngineState& state, const Request& request, const TensorMap& tensors, const EventSink&) {
  Measurement& measurement = open_measurement(state);
  const int64_t count = request.at("count").as_int();
  const std::string& set = request.at("set").as_string();
  GivenStatistics given{{own_copy(given_tensor(tensors, "mu")), own_copy(given_tensor(tensors, "sigma")), count},
                        std::nullopt};
  if (tensors.count("mu_s") || tensors.count("sigma_s")) {
    given.spatial =
        Statistics{own_copy(given_tensor(tensors, "mu_s")), own_copy(given_tensor(tensors, "sigma_s")), count};
  }
  measurement.give(set, std::move(given));
  return {Json::object(), {}};
}

/// {"set"} -> {"count"} and mu, sigma; mu_s and sigma_s where spatial features are kept.
JobResult measure_statistics(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  const FeatureSet& set = open_measurement(state).set(request.at("set").as_string());
  const Statistics pool = set.pool_statistics();
  JobResult result{Json::object().set("count", pool.count), {{"mu", pool.mu}, {"sigma", pool.sigma}}};
  if (set.has_spatial_statistics()) {
    const Statistics spatial = set.spatial_statistics();
    result.tensors["mu_s"] = spatial.mu;
    result.tensors["sigma_s"] = spatial.sigma;
  }
  return result;
}

/// {"set", "reference"?, "metrics", "kid", "inceptionScore", "neighbours"} -> a value for each metric, by its name.
JobResult measure_result(EngineState& state, const Request& request, const TensorMap&, const EventSink&) {
  const Measurement& measurement = open_measurement(state);
  const SetComparison comparison = read_comparison(request);
  JobResult result{Json::object(), {}};
  for (const std::string& metric : request.at("metrics").as_string_list()) {
    check_cancelled();
    result.value.set(metric, measured(measurement, metric, comparison));
  }
  return result;
}

/// {"metrics": of pairs} with a.N and b.N uint8 (H, W, 3) -> float64 (N) for each metric, by its name.
JobResult measure_pairs(EngineState& state, const Request& request, const TensorMap& tensors, const EventSink&) {
  const Measurement& measurement = open_measurement(state);
  const std::vector<std::string> metrics = request.at("metrics").as_string_list();
  SVG_CHECK(std::set<std::string>(metrics.begin(), metrics.end()).size() == metrics.size(), ErrorCode::kInvalidArgument,
            "a metric of pairs is named twice");
  std::map<std::string, std::vector<double>> values;
  const int64_t pairs = for_each_numbered(tensors, "a", [&](int64_t i, const std::string&, const at::Tensor& a) {
    const at::Tensor& b = given_tensor(tensors, concat("b.", i).c_str());
    for (const std::string& metric : metrics) values[metric].push_back(measurement.distance(metric, a, b));
  });
  check_all_taken(tensors, static_cast<size_t>(2 * pairs));
  JobResult result{Json::object(), {}};
  for (const auto& [metric, of_pairs] : values) result.tensors[metric] = at::tensor(of_pairs, at::kDouble);
  return result;
}

JobResult measure_close(EngineState& state, const Request&, const TensorMap&, const EventSink&) {
  state.measurement.reset();
  return {Json::object(), {}};
}

}  // namespace svg::jobs
