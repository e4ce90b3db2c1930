#include "bench/parts.h"

#include <functional>
#include <map>

#include "bench/autoencoder_bench.h"
#include "bench/device_time.h"
#include "bench/dit_bench.h"
#include "bench/inception_bench.h"
#include "bench/sample_bench.h"
#include "bench/step_bench.h"
#include "bench/text_bench.h"
#include "core/error.h"

namespace svg {
namespace {

using BenchPart = std::function<Json(const std::string& only, int64_t repeats, at::Device device)>;

const std::map<std::string, BenchPart>& parts() {
  static const std::map<std::string, BenchPart> known = {
      {"decoder", bench_decoder},
      {"dit",
       [](const std::string& only, int64_t repeats, at::Device device) { return bench_dit(only, repeats, device); }},
      {"encoder", bench_encoder},
      {"inception", bench_inception},
      {"sample", bench_sample},
      {"step", [](const std::string& only, int64_t repeats,
                  at::Device device) { return bench_steps({}, only, repeats, device); }},
      {"text-encoder", bench_text_encoder}};
  return known;
}

/// Rows that say how much they multiply get what the device multiplies a second in their type, measured beside them.
Json with_matrix_rates(const Json& report, at::Device device) {
  std::map<at::ScalarType, double> rates;
  Json rows = Json::array();
  for (const Json& row : report.at("rows").as_array()) {
    if (row.find("flops") == nullptr) {
      rows.push_back(row);
      continue;
    }
    const bool wide = row.at("name").as_string().ends_with("-fp32");
    const at::ScalarType dtype = wide ? at::kFloat : at::kBFloat16;
    if (!rates.count(dtype)) rates[dtype] = matrix_rate(device, dtype);
    rows.push_back(Json(row).set("matrixFlops", rates[dtype]));
  }
  return Json::object().set("rows", std::move(rows));
}

}  // namespace

const std::vector<std::string>& bench_parts() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& part : parts()) list.push_back(part.first);
    return list;
  }();
  return names;
}

Json bench_part(const std::string& part, const std::string& only, int64_t repeats, at::Device device) {
  const auto found = parts().find(part);
  if (found != parts().end()) return with_matrix_rates(found->second(only, repeats, device), device);
  std::string known;
  for (const std::string& name : bench_parts()) known += (known.empty() ? "" : ", ") + name;
  throw Error(ErrorCode::kInvalidArgument, concat("unknown part \"", part, "\": known are ", known));
}

}  // namespace svg
